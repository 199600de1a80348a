rule plan:
    # Made first and by nothing but the config, so that an interrupted run has said what it was.
    # Only the collected sweep depends on it: a new plan alone recomputes no fit.
    input:
        data=sweep.data_files,
    output:
        plan=ensure("<results>/plan.json", non_empty=True),
    log:
        "<logs>/plan.log",
    priority: 100
    retries: 1
    conda:
        "../../envs/mixsweep.yaml"
    threads: 1
    resources:
        mem_mb=500,
        runtime=10,
    params:
        config=sweep.raw_config,
        base=sweep.base,
        numerics=sweep.numerics,
        rounds=sweep.rounds,
    shell:
        "mixsweep plan --json-config {params.config:q} --base {params.base:q} --numerics {params.numerics:q}"
        " --rounds {params.rounds:q}"
        " --output {output.plan:q} > {log:q} 2>&1"
