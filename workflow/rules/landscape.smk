rule landscape:
    # Apart from the optima, which are needed sooner and whose files stay as they are whether the config asks for
    # landscapes or not.
    input:
        problem="<results>/problems/{problem}.nc",
        optima="<results>/cells/{problem}/{family}/K{n_components}/optima.nc",
    output:
        landscape=ensure(
            "<results>/cells/{problem}/{family}/K{n_components}/landscape.nc",
            non_empty=True,
        ),
    log:
        "<logs>/landscape/{problem}/{family}/K{n_components}.log",
    retries: 1
    conda:
        "../../envs/mixsweep.yaml"
    threads: 1
    resources:
        mem_mb=sweep.cell_mem_mb,
        runtime=sweep.cell_minutes,
    params:
        numerics=sweep.numerics,
    shell:
        "mixsweep landscape {input.problem:q} {input.optima:q} --output {output.landscape:q}"
        " --numerics {params.numerics:q} > {log:q} 2>&1"
