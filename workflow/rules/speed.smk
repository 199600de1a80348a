rule speed:
    # Apart from the other tables, which take as long.
    input:
        sweep="<results>/sweep.nc",
        problems=sweep.problem_files,
    output:
        convergence=ensure("<results>/tables/convergence.csv", non_empty=True),
        run_time=ensure("<results>/tables/run_time.csv", non_empty=True),
        gaps=ensure("<results>/tables/gaps.csv", non_empty=True),
        ratios=ensure("<results>/tables/ratios.csv", non_empty=True),
        rates=ensure("<results>/tables/rates.csv", non_empty=True),
        conduct=ensure("<results>/tables/conduct.csv", non_empty=True),
        step_sizes=ensure("<results>/tables/step_sizes.csv", non_empty=True),
        tuning=ensure("<results>/tables/tuning.csv", non_empty=True),
        parametrisations=ensure("<results>/tables/parametrisations.csv", non_empty=True),
    log:
        "<logs>/speed.log",
    priority: 30
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
        "mixsweep speed {input.sweep:q} --tables {params.tables:q} > {log:q} 2>&1"
