// What is wrong with a page, found in the browser: each function returns a list of texts, empty when all is well.
({
  scrolls(element) {
    return ["auto", "scroll"].includes(getComputedStyle(element).overflowX);
  },

  named(element) {
    return `${element.tagName.toLowerCase()} "${(element.textContent || "").trim().slice(0, 40)}"`;
  },

  /** Elements that stick out of the page, or out of a container that does not scroll. */
  overflows() {
    const found = [];
    if (document.documentElement.scrollWidth > innerWidth)
      found.push(`the page is ${document.documentElement.scrollWidth} wide`);
    for (const element of document.body.querySelectorAll("*")) {
      if (element.closest("svg") && element.tagName !== "svg") continue;
      const box = element.getBoundingClientRect();
      if (!box.width && !box.height) continue;
      let parent = element.parentElement;
      while (parent && !this.scrolls(parent)) parent = parent.parentElement;
      if (!parent && (box.left < -0.5 || box.right > innerWidth + 0.5)) found.push(`outside the page: ${this.named(element)}`);
      const hidden = ["hidden", "clip"].includes(getComputedStyle(element).overflowX);
      if (hidden && element.scrollWidth > element.clientWidth + 1) found.push(`cut off: ${this.named(element)}`);
      if (!this.scrolls(element) && element.clientWidth && !element.closest("svg") && element.scrollWidth > element.clientWidth + 1)
        found.push(`larger than its box: ${this.named(element)}`);
    }
    return found;
  },

  /** Scrolling containers with something to scroll: paper does not. */
  scrolling() {
    return [...document.querySelectorAll(".scroll")]
      .filter((element) => element.scrollWidth > element.clientWidth + 1 || element.firstElementChild.getBoundingClientRect().right > innerWidth + 0.5)
      .map((element) => this.named(element));
  },

  /** Headings that leave a level out; more or fewer than one at the top. */
  headings() {
    const levels = [...document.querySelectorAll("h1, h2, h3, h4, h5, h6")].map((element) => Number(element.tagName[1]));
    const found = levels.filter((level) => level === 1).length === 1 && levels[0] === 1 ? [] : ["not one h1 at the top"];
    levels.forEach((level, place) => {
      if (place && level > levels[place - 1] + 1) found.push(`h${level} after h${levels[place - 1]}`);
    });
    return found;
  },

  /** Tables without a caption, a head, or names of their rows, or with rows of another length. */
  tables() {
    const found = [];
    for (const table of document.querySelectorAll("table")) {
      const columns = table.querySelectorAll('thead th[scope="col"]');
      if (!table.caption || !table.caption.textContent.trim()) found.push(`no caption: ${this.named(table)}`);
      if (![...columns].every((cell) => cell.textContent.trim())) found.push(`nameless column: ${this.named(table)}`);
      for (const row of table.querySelectorAll("tbody tr"))
        if (row.cells.length !== columns.length || !row.cells[0].matches('th[scope="row"]')) found.push(`row: ${this.named(row)}`);
      if (!table.closest(".scroll")) found.push(`does not scroll by itself: ${this.named(table)}`);
    }
    return found;
  },

  /** Figures that cannot be seen, or without words for those who do not see them. */
  figures() {
    const found = [];
    for (const figure of document.querySelectorAll("figure")) {
      const svg = figure.querySelector("svg");
      if (!svg) { found.push("a figure without a drawing"); continue; }
      const box = svg.getBoundingClientRect();
      if (box.width < 100 || box.height < 50) found.push(`too small: ${box.width} x ${box.height}`);
      const labels = (svg.getAttribute("aria-labelledby") || "").split(" ").map((name) => document.getElementById(name));
      const name = svg.getAttribute("aria-label") || labels.map((label) => (label ? label.textContent : "")).join(" ");
      if (svg.getAttribute("role") !== "img" || !name.trim()) found.push("no words for a figure");
      if (!figure.querySelector("figcaption").textContent.trim()) found.push("no caption");
    }
    return found;
  },

  /** Text whose contrast with what is behind it is below 4.5 (WCAG 2.2, 1.4.3). */
  contrasts() {
    const numbers = (colour) => colour.match(/[\d.]+/g).map(Number);
    const luminance = ([r, g, b]) => {
      const linear = [r, g, b].map((part) => (part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4));
      return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
    };
    const found = new Set();
    for (const element of document.body.querySelectorAll("*")) {
      if (element.closest("svg") || ![...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim())) continue;
      let behind = element;
      while (behind && numbers(getComputedStyle(behind).backgroundColor)[3] === 0) behind = behind.parentElement;
      const pair = [getComputedStyle(element).color, behind ? getComputedStyle(behind).backgroundColor : "rgb(255, 255, 255)"];
      const [dark, light] = pair.map((colour) => luminance(numbers(colour))).sort((one, other) => one - other);
      if ((light + 0.05) / (dark + 0.05) < 4.5) found.add(pair.join(" on "));
    }
    return [...found];
  },
})
