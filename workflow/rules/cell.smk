rule cell:
    # The shards are inputs but not on the command line, which would grow too long; the command looks in their folder
    # for the blocks that the config asks for. Timings are apart so that fits.nc is the same to the byte on every run.
    input:
        problem="<results>/problems/{problem}.nc",
        shards=sweep.shards,
    output:
        fits=ensure(
            "<results>/cells/{problem}/{family}/K{n_components}/fits.nc",
            non_empty=True,
        ),
        timing=ensure(
            "<results>/cells/{problem}/{family}/K{n_components}/timing.nc",
            non_empty=True,
        ),
    log:
        "<logs>/cell/{problem}/{family}/K{n_components}.log",
    priority: 20
    retries: 1
    conda:
        "../../envs/mixsweep.yaml"
    threads: 1
    resources:
        mem_mb=sweep.cell_mem_mb,
        runtime=10,
    params:
        folder=sweep.shard_folder,
        methods=sweep.methods,
        initializers=sweep.initializers,
        restarts=sweep.restarts,
        planned=sweep.planned_restarts,
        there=sweep.restarts_there,
        seed=sweep.config.seed,
        tol=sweep.config.tol,
        max_passes=sweep.config.max_passes,
        covariance_floor=sweep.config.covariance_floor,
        numerics=sweep.numerics,
    shell:
        "mixsweep cell {input.problem:q} --shards {params.folder:q} --fits {output.fits:q}"
        " --timing {output.timing:q} --family {wildcards.family:q} --n-components {wildcards.n_components}"
        " --methods {params.methods:q} --initializers {params.initializers:q} --restarts {params.restarts}"
        " --planned-restarts {params.planned} --restarts-there {params.there:q}"
        " --seed {params.seed} --tol {params.tol} --max-passes {params.max_passes}"
        " --covariance-floor {params.covariance_floor} --numerics {params.numerics:q} > {log:q} 2>&1"
