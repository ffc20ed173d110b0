"""Sets of trial states, for the exact engine.

A state's counts are a row of small integers, one a dose: the *cell* n (n + 1) / 2 + y numbers the pairs
(n patients, y DLTs) with y <= n. Rows are kept unique by a hash table with linear probing.
"""

from escalation.kernels.jit import kernel

EMPTY = -1
MULTIPLIER = 0x5BD1E995  # MurmurHash2's; 31 bits, so that a product with LOW_BITS stays within an int64
LOW_BITS = 0x7FFFFFFF


@kernel
def cell(patients, dlts):
    """Number of the pair (patients, dlts) among all pairs with dlts <= patients."""
    return patients * (patients + 1) // 2 + dlts


@kernel
def find_or_add(rows, count, slots):
    """Index of the row that equals rows[count] among rows[:count]; else count, which is entered into the table.

    The caller writes a candidate to rows[count] and raises count when the answer is count. `slots` has a power of
    two of places, at least twice as many as there can be rows.
    """
    doses = rows.shape[1]
    mask = slots.shape[0] - 1
    place = 0
    for dose in range(doses):
        place = ((place ^ int(rows[count, dose])) * MULTIPLIER) & LOW_BITS
        place ^= place >> 15
    place &= mask
    while slots[place] != EMPTY:
        row = slots[place]
        same = True
        for dose in range(doses):
            if rows[row, dose] != rows[count, dose]:
                same = False
                break
        if same:
            return row
        place = (place + 1) & mask
    slots[place] = count
    return count
