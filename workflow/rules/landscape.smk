rule landscape:
    # Apart from the optima, which are needed sooner and whose files stay as they are whether the config asks for
    # landscapes or not.
    # Of lowest priority: only the report waits for it, so it fills cores that have nothing else to do.
    # The third attempt computes nothing and leaves an empty file, so that the report is made without this landscape; when
    # the run ends it takes the file away and fails.
    input:
        problem="<results>/problems/{problem}.nc",
        optima="<results>/cells/{problem}/{family}/K{n_components}/optima.nc",
    output:
        landscape="<results>/cells/{problem}/{family}/K{n_components}/landscape.nc",
    log:
        "<logs>/landscape/{problem}/{family}/K{n_components}.log",
    retries: 2
    conda:
        "../../envs/mixsweep.yaml"
    threads: 1
    resources:
        mem_mb=sweep.landscape_mem_mb,
        runtime=sweep.landscape_minutes,
        attempt=sweep.attempt,
    params:
        numerics=sweep.numerics,
    shell:
        "mixsweep landscape {input.problem:q} {input.optima:q} --output {output.landscape:q}"
        " --numerics {params.numerics:q} --attempt {resources.attempt} > {log:q} 2>&1"
