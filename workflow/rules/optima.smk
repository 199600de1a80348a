rule optima:
    input:
        problem="<results>/problems/{problem}.nc",
        fits="<results>/cells/{problem}/{family}/K{n_components}/fits.nc",
    output:
        optima=ensure(
            "<results>/cells/{problem}/{family}/K{n_components}/optima.nc",
            non_empty=True,
        ),
    log:
        "<logs>/optima/{problem}/{family}/K{n_components}.log",
    priority: 20
    retries: 1
    conda:
        "../../envs/mixsweep.yaml"
    threads: 1
    resources:
        mem_mb=sweep.cell_mem_mb,
        runtime=sweep.cell_minutes,
    params:
        numerics=sweep.numerics,
        thresholds=sweep.thresholds,
    shell:
        "mixsweep optima {input.problem:q} {input.fits:q} --output {output.optima:q}"
        " --thresholds {params.thresholds:q} --numerics {params.numerics:q} > {log:q} 2>&1"
