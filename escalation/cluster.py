"""Workers on other machines, as a Dask cluster: `dask scheduler` and `dask worker` start it."""
