rule analyse:
    input:
        sweep="<results>/sweep.nc",
    output:
        verdicts=report(
            ensure("<results>/verdicts.csv", non_empty=True),
            caption="../report/verdicts.rst",
            category="Verdicts",
        ),
        optima=ensure("<results>/tables/optima.csv", non_empty=True),
        hit_rates=ensure("<results>/tables/hit_rates.csv", non_empty=True),
        convergence=ensure("<results>/tables/convergence.csv", non_empty=True),
        run_time=ensure("<results>/tables/run_time.csv", non_empty=True),
        statuses=ensure("<results>/tables/statuses.csv", non_empty=True),
        failures=ensure("<results>/tables/failures.csv", non_empty=True),
    log:
        "<logs>/analyse.log",
    retries: 1
    conda:
        "../../envs/mixsweep.yaml"
    threads: 1
    resources:
        mem_mb=sweep.sweep_mem_mb,
        runtime=30,
    params:
        tables=sweep.tables_folder,
    shell:
        "mixsweep analyse {input.sweep:q} --tables {params.tables:q} --verdicts {output.verdicts:q}"
        " > {log:q} 2>&1"
