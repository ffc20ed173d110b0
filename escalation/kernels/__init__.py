"""Compiled code: arrays in, arrays out. The only package that imports numba, and it imports nothing else of ours."""
