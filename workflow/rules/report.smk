rule report:
    input:
        plan="<results>/plan.json",
        sweep="<results>/sweep.nc",
        verdicts="<results>/verdicts.csv",
        optima="<results>/tables/optima.csv",
        hit_rates="<results>/tables/hit_rates.csv",
        convergence="<results>/tables/convergence.csv",
        run_time="<results>/tables/run_time.csv",
        statuses="<results>/tables/statuses.csv",
        failures="<results>/tables/failures.csv",
    output:
        page=ensure("<results>/report/index.html", non_empty=True),
        optima=report(
            "<results>/report/figures/optima.svg",
            caption="../report/optima.rst",
            category="Multimodality",
        ),
        hit_rates=report(
            "<results>/report/figures/hit_rates.svg",
            caption="../report/hit_rates.rst",
            category="Global optimum",
        ),
        run_time=report(
            "<results>/report/figures/run_time.svg",
            caption="../report/run_time.rst",
            category="Convergence",
        ),
        statuses=report(
            "<results>/report/figures/statuses.svg",
            caption="../report/statuses.rst",
            category="Failures",
        ),
    log:
        "<logs>/report.log",
    retries: 1
    conda:
        "../../envs/mixsweep.yaml"
    threads: 1
    resources:
        mem_mb=sweep.sweep_mem_mb,
        runtime=30,
    params:
        results=sweep.results_folder,
    shell:
        "mixsweep report {params.results:q} --output {output.page:q} > {log:q} 2>&1"
