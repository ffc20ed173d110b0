"""R's random numbers: uniform, exponential and binomial ones of one trial, from a seed.

Written from what is published: the Mersenne Twister of Matsumoto M, Nishimura T (1998) ACM Trans Model Comput Simul
8:3-30, of which numpy has the state; the exponential algorithm SA of Ahrens JH, Dieter U (1972) Commun ACM 15:873-882;
and the inversion of a binomial distribution.
"""

import math
from itertools import accumulate

import numpy as np


class RNumbers:
    """What R draws after `set.seed`."""

    def __init__(self, seed: int) -> None:
        numbers = []
        for step in range(50 + 625):
            seed = (69069 * seed + 1) % 2**32
            if step >= 50:
                numbers.append(seed)
        self.bits = np.random.MT19937()
        state = self.bits.state
        state["state"] = {"key": np.array(numbers[1:], np.uint32), "pos": 624}
        self.bits.state = state

    def uniform(self) -> float:
        return int(self.bits.random_raw()) / 2**32

    def exponential(self) -> float:
        sums = list(accumulate(math.log(2) ** k / math.factorial(k) for k in range(1, 17)))
        whole, u = 0.0, 2 * self.uniform()
        while u <= 1:
            whole += sums[0]
            u += u
        u -= 1
        if u <= sums[0]:
            return whole + u
        place, least = 0, self.uniform()
        while u > sums[place]:
            least = min(least, self.uniform())
            place += 1
        return whole + least * sums[0]

    def has_event(self, probability: float) -> bool:
        """A binomial number of one."""
        rare = self.uniform() >= 1 - min(probability, 1 - probability)
        return rare if probability <= 0.5 else not rare
