rule shard:
    # Restarts, methods and cells that are added later are other files: what is there stays.
    # Updated, so that Snakemake leaves what a killed run has finished; the command checks it, and fits whatever is not
    # whole or was made from something else.
    input:
        problem="<results>/problems/{problem}.nc",
    output:
        shard=ensure(
            update(
                "<results>/shards/{problem}/{family}/K{n_components}/{method}/{initializer}-{start}-{stop}.nc"
            ),
            non_empty=True,
        ),
        # Wall times differ from run to run: apart, so that the fits are the same to the byte.
        timing=ensure(
            update(
                "<results>/shards/{problem}/{family}/K{n_components}/{method}/{initializer}-{start}-{stop}.timing.nc"
            ),
            non_empty=True,
        ),
    log:
        "<logs>/shard/{problem}/{family}/K{n_components}/{method}/{initializer}-{start}-{stop}.log",
    priority: 10
    retries: 1
    conda:
        "../../envs/mixsweep.yaml"
    threads: 1
    resources:
        mem_mb=sweep.shard_mem_mb,
        runtime=sweep.shard_minutes,
    params:
        settings=sweep.settings,
        seed=sweep.config.seed,
        tol=sweep.config.tol,
        max_passes=sweep.config.max_passes,
        covariance_floor=sweep.config.covariance_floor,
        numerics=sweep.numerics,
    shell:
        "mixsweep shard {input.problem:q} --output {output.shard:q} --timing {output.timing:q}"
        " --family {wildcards.family:q}"
        " --n-components {wildcards.n_components} --method {wildcards.method:q} --settings {params.settings:q}"
        " --initializer {wildcards.initializer:q} --restarts {wildcards.start}:{wildcards.stop}"
        " --seed {params.seed} --tol {params.tol} --max-passes {params.max_passes}"
        " --covariance-floor {params.covariance_floor} --numerics {params.numerics:q} > {log:q} 2>&1"
