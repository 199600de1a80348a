rule report:
    input:
        plan="<results>/plan.json",
        sweep="<results>/sweep.nc",
        tables=rules.analyse.output,
        barriers="<results>/tables/barriers.csv",
        landscapes=sweep.landscapes,
    output:
        page=ensure("<results>/report/index.html", non_empty=True),
        optima=report(
            "<results>/report/figures/optima.svg",
            caption="../report/optima.rst",
            category="Multimodality",
        ),
        tree=report(
            "<results>/report/figures/tree.svg",
            caption="../report/tree.rst",
            category="Landscape",
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
