// A run is charged with what the whole process allocates meanwhile.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
