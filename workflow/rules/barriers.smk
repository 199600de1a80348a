rule barriers:
    # Apart from the other tables, which need no landscapes and are there sooner.
    input:
        plan="<results>/plan.json",
        landscapes=sweep.landscapes,
    output:
        barriers=ensure("<results>/tables/barriers.csv", non_empty=True),
    log:
        "<logs>/barriers.log",
    retries: 1
    conda:
        "../../envs/mixsweep.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=30,
    params:
        results=sweep.results_folder,
        logs=sweep.logs,
        without=sweep.left_out,
    shell:
        "mixsweep barriers {params.results:q} --logs {params.logs:q} --without {params.without:q}"
        " --output {output.barriers:q} > {log:q} 2>&1"
