"""Sets of trial states, for the exact engine.

A state's counts are one number a dose: the *cell* n (n + 1) / 2 + y numbers the pairs (n patients, y DLTs) with
y <= n. A row of cells is packed into a few 64-bit words, the lowest dose in the highest bits of the first word, so that
the order of the words is the lexicographic order of the cells.

The living states are kept in this order. A cohort of a given size with a given number of DLTs at a given dose changes
one cell, to a higher one where it was higher: it keeps the order. So all children are a few ordered streams, and
merging these puts equal children side by side, without a search and with memory read from front to back.
"""

import numpy as np

from escalation.kernels.codes import REASONS
from escalation.kernels.jit import allocating, at, kernel
from escalation.kernels.limits import cohort_size

NEXT, END, DOSE, TOXIC = range(4)  # columns of `streams`
PAST_ALL_ROWS = np.uint64(0xFFFFFFFFFFFFFFFF)


@kernel
def cell(patients, dlts):
    """Number of the pair (patients, dlts) among all pairs with dlts <= patients."""
    return patients * (patients + 1) // 2 + dlts


@kernel
def next_sizes(conduct, packing, rows, doses, cells, sizes):
    """Size of the cohort that each living state gets next, written to `sizes`.

    Under titration doses are tried on one patient each; while no dose has had a second patient, an untried dose gets
    one patient, and the dose at which titration ended gets the rest of a cohort. Returns the largest number of patients
    that a trial will have treated then.
    """
    largest = 0
    words, shifts, mask = packing
    for s in range(rows.shape[0]):
        treated = most = at_dose = toxicities = np.int64(
            0
        )  # not 0: what is called with a literal is compiled once more
        for level in range(words.shape[0]):
            number = np.int64((rows[s, words[level]] >> shifts[level]) & mask)
            patients = cells[0, number]
            treated += patients
            toxicities += cells[1, number]
            most = max(most, patients)
            if level == doses[s]:
                at_dose = patients
        dose, there = np.int64(doses[s]), np.int64(at_dose)
        size = cohort_size(conduct.sizes, conduct.trial_sizes, dose, there, treated, toxicities)
        if conduct.titration and most <= 1:
            size = 1 if at_dose == 0 else conduct.sizes[0, 0] - 1
        sizes[s] = min(size, conduct.max_patients - treated)
        largest = max(largest, treated + sizes[s])
    return largest


@allocating
def open_streams(doses, sizes, levels, cohort_size, members):
    """Deal the living states to streams, one for each dose, size of the next cohort, and number of DLTs in it.

    Writes the states to `members` by dose and size, in their order within; returns int64[K, 4], by stream its NEXT and
    END place in `members`, DOSE and number of DLTs (TOXIC).
    """
    kinds = cohort_size + 1
    starts = np.zeros(levels * kinds + 1, np.int64)
    for s in range(doses.shape[0]):
        starts[doses[s] * kinds + sizes[s] + 1] += 1
    count = 0
    for group in range(levels * kinds):
        if starts[group + 1] > 0:
            count += group % kinds + 1
        starts[group + 1] += starts[group]
    streams = np.empty((count, 4), np.int64)
    stream = 0
    for group in range(levels * kinds):
        if starts[group + 1] > starts[group]:
            for toxic in range(group % kinds + 1):
                streams[stream, NEXT] = starts[group]
                streams[stream, END] = starts[group + 1]
                streams[stream, DOSE] = group // kinds
                streams[stream, TOXIC] = toxic
                stream += 1
    for s in range(doses.shape[0]):
        group = doses[s] * kinds + sizes[s]
        members[starts[group]] = s
        starts[group] += 1
    return streams


@kernel
def same_row(left, a, right, b):
    """Whether row a of `left` equals row b of `right`."""
    same = True
    for word in range(left.shape[1]):
        same = same and left[a, word] == right[b, word]
    return same


@kernel
def comes_before(rows, a, b):
    """Whether row a comes before row b."""
    for word in range(rows.shape[1]):
        if rows[a, word] != rows[b, word]:
            return rows[a, word] < rows[b, word]
    return False


@allocating
def open_tournament(streams):
    """Results of a tournament between equals, in which the left stream wins every match.

    Matches are the nodes of a binary tree: those at 2 i and 2 i + 1 lead to the match i, stream s enters at node
    `streams` + s, match 1 is the final. By match the loser; at 0, the winner of all.
    """
    losers = np.empty(streams, np.int64)
    for match in range(streams):
        node = 2 * match + 1
        while node < streams:
            node *= 2
        losers[match] = node - streams
    return losers


@allocating
def merge_children(packing, rows, doses, sizes, cells, children):
    """Treat one cohort in every living state, in every way it can turn out, and bring equal counts together.

    Of `children` the `rows` are the different counts reached, in order. Ways to reach rows[r] are numbered from
    starts[r] to starts[r + 1] - 1, and each is the living state (`parents`) that it comes from with the number of DLTs
    in its cohort (`toxic`). Returns how many different counts were reached; -1 when there are more than there is room
    for.
    """
    words, shifts, mask = packing
    reached, starts, parents, toxic = children
    members = np.empty(doses.shape[0], np.int32)
    streams = open_streams(doses, sizes, words.shape[0], sizes.max(), members)
    heads = np.zeros((streams.shape[0], rows.shape[1]), np.uint64)  # before any child
    losers = open_tournament(streams.shape[0])
    count = 0
    for way in range(-streams.shape[0], parents.shape[0]):
        stream = losers[0]
        if way >= 0:
            if way == 0 or not same_row(heads, stream, reached, count - 1):
                if count == reached.shape[0]:
                    return -1
                for word in range(rows.shape[1]):
                    reached[count, word] = heads[stream, word]
                starts[count] = way
                count += 1
            parents[at(way)] = members[at(streams[at(stream), NEXT] - 1)]
            toxic[at(way)] = streams[at(stream), TOXIC]

        # The stream's next child. Written out: calls that pass so many arrays would take most of the time.
        if streams[stream, NEXT] == streams[stream, END]:
            heads[stream, 0] = PAST_ALL_ROWS
        else:
            s = at(members[at(streams[stream, NEXT])])
            streams[stream, NEXT] += 1
            for word in range(rows.shape[1]):
                heads[stream, word] = rows[s, word]
            dose = streams[stream, DOSE]
            before = np.int64((rows[s, at(words[dose])] >> shifts[dose]) & mask)
            after = cell(cells[0, before] + sizes[s], cells[1, before] + streams[stream, TOXIC])
            heads[stream, words[dose]] += np.uint64(after - before) << shifts[dose]

        match = (stream + losers.shape[0]) >> 1
        while match > 0:
            other = losers[match]
            if comes_before(heads, other, stream):
                losers[match] = stream
                stream = other
            match >>= 1
        losers[0] = stream
    starts[count] = parents.shape[0]
    return count


@kernel
def unpack(packing, rows, cells, patients, dlts):
    """Counts in packed rows, as patients and DLTs, int16[S, D]."""
    words, shifts, mask = packing
    for s in range(rows.shape[0]):
        for level in range(words.shape[0]):
            number = np.int64((rows[s, words[level]] >> shifts[level]) & mask)
            patients[s, level] = cells[0, number]
            dlts[s, level] = cells[1, number]


@kernel
def keep(rows, r, choice, arrivals, living, alive, endings, ended):
    """Append the states that share row r: for each dose that comes next, and each reason to end.

    `choice` is the model's after the row. `arrivals`, float64[C + REASONS], are the patient sequences that reach it and
    go on at a dose (its column, the dose times the cohorts in a row that are counted, and those that it has had) or end
    for reason r (column C + r - 1); on return all zero, for the next row. `alive` and `ended` states are held by
    `living` and `endings`; returns how many are now.
    """
    going_on = arrivals.shape[0] - REASONS
    for column in range(arrivals.shape[0]):
        if arrivals[column] > 0:
            if column < going_on:
                for word in range(rows.shape[1]):
                    living.rows[alive, word] = rows[r, word]
                living.columns[alive] = column
                living.sequences[alive] = arrivals[column]
                alive += 1
            else:
                for word in range(rows.shape[1]):
                    endings.rows[ended, word] = rows[r, word]
                endings.columns[ended] = column - going_on + 1
                endings.sequences[ended] = arrivals[column]
                endings.choices[ended] = choice
                ended += 1
            arrivals[column] = 0
    return alive, ended
