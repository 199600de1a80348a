rule problem:
    # The user's data file is an input, so that a changed file makes its fits anew.
    input:
        data=sweep.data_file,
    output:
        problem=ensure("<results>/problems/{problem}.nc", non_empty=True),
    log:
        "<logs>/problem/{problem}.log",
    priority: 50
    retries: 1
    conda:
        "../../envs/mixsweep.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        spec=sweep.spec,
        seed=sweep.config.seed,
    shell:
        "mixsweep problem {wildcards.problem:q} --spec {params.spec:q} --seed {params.seed}"
        " --output {output.problem:q} > {log:q} 2>&1"
