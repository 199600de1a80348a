rule figures:
    # Apart from the page, since drawing them takes as long as all of it.
    input:
        plan="<results>/plan.json",
        tables=rules.analyse.output,
        speed=rules.speed.output,
        barriers="<results>/tables/barriers.csv",
        landscapes=sweep.landscapes,
    output:
        optima=report(
            ensure("<results>/report/figures/optima.svg", non_empty=True),
            caption="../report/optima.rst",
            category="Multimodality",
        ),
        tree=report(
            ensure("<results>/report/figures/tree.svg", non_empty=True),
            caption="../report/tree.rst",
            category="Landscape",
        ),
        hit_rates=report(
            ensure("<results>/report/figures/hit_rates.svg", non_empty=True),
            caption="../report/hit_rates.rst",
            category="Global optimum",
        ),
        run_time=report(
            ensure("<results>/report/figures/run_time.svg", non_empty=True),
            caption="../report/run_time.rst",
            category="Convergence",
        ),
        statuses=report(
            ensure("<results>/report/figures/statuses.svg", non_empty=True),
            caption="../report/statuses.rst",
            category="Failures",
        ),
    log:
        "<logs>/figures.log",
    retries: 1
    conda:
        "../../envs/mixsweep.yaml"
    threads: 1
    resources:
        mem_mb=sweep.sweep_mem_mb,
        runtime=30,
    params:
        results=sweep.results_folder,
        folder=sweep.figures_folder,
    shell:
        "mixsweep figures {params.results:q} --output {params.folder:q} > {log:q} 2>&1"
