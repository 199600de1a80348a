rule rounds:
    # How many restarts each cell of an adaptive sweep should have. The plan reads the file when the workflow is parsed: the
    # next call makes what is missing. Updated in place, since a run that is parsed without it would begin at the first round.
    input:
        sweep="<results>/sweep.nc",
    output:
        restarts=update(ensure("<results>/restarts.json", non_empty=True)),
    log:
        "<logs>/rounds.log",
    retries: 1
    conda:
        "../../envs/mixsweep.yaml"
    threads: 1
    resources:
        mem_mb=sweep.sweep_mem_mb,
        runtime=30,
    params:
        target=sweep.target,
    shell:
        "mixsweep rounds {input.sweep:q} --target {params.target:q} --output {output.restarts:q} > {log:q} 2>&1"
