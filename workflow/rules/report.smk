rule report:
    input:
        plan="<results>/plan.json",
        sweep="<results>/sweep.nc",
        tables=rules.analyse.output,
        speed=rules.speed.output,
        barriers="<results>/tables/barriers.csv",
        landscapes=sweep.landscapes,
    output:
        page=ensure("<results>/report/index.html", non_empty=True),
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
