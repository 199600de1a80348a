rule collect:
    input:
        plan="<results>/plan.json",
        problems=sweep.problem_files,
        fits=sweep.fits,
        timings=sweep.timings,
        optima=sweep.optima,
    output:
        sweep=ensure("<results>/sweep.nc", non_empty=True),
    log:
        "<logs>/collect.log",
    priority: 30
    retries: 1
    conda:
        "../../envs/mixsweep.yaml"
    threads: 1
    resources:
        mem_mb=sweep.sweep_mem_mb,
        runtime=30,
    params:
        cells=sweep.cells_folder,
        without=sweep.left_out,
    shell:
        "mixsweep collect --cells {params.cells:q} --plan {input.plan:q} --without {params.without:q}"
        " --output {output.sweep:q} > {log:q} 2>&1"
