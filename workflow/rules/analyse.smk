rule analyse:
    input:
        sweep="<results>/sweep.nc",
        problems=sweep.problem_files,
    output:
        verdicts=report(
            ensure("<results>/verdicts.csv", non_empty=True),
            caption="../report/verdicts.rst",
            category="Verdicts",
        ),
        advice=ensure("<results>/tables/advice.csv", non_empty=True),
        optima=ensure("<results>/tables/optima.csv", non_empty=True),
        basin_shares=ensure("<results>/tables/basin_shares.csv", non_empty=True),
        unseen=ensure("<results>/tables/unseen.csv", non_empty=True),
        unseen_by_method=ensure("<results>/tables/unseen_by_method.csv", non_empty=True),
        rarefaction=ensure("<results>/tables/rarefaction.csv", non_empty=True),
        agreement=ensure("<results>/tables/agreement.csv", non_empty=True),
        selection=ensure("<results>/tables/selection.csv", non_empty=True),
        hit_rates=ensure("<results>/tables/hit_rates.csv", non_empty=True),
        costs=ensure("<results>/tables/costs.csv", non_empty=True),
        cheapest=ensure("<results>/tables/cheapest.csv", non_empty=True),
        pairs=ensure("<results>/tables/pairs.csv", non_empty=True),
        flow=ensure("<results>/tables/flow.csv", non_empty=True),
        nesting=ensure("<results>/tables/nesting.csv", non_empty=True),
        trend=ensure("<results>/tables/trend.csv", non_empty=True),
        difficulty=ensure("<results>/tables/difficulty.csv", non_empty=True),
        decay=ensure("<results>/tables/decay.csv", non_empty=True),
        performance_profiles=ensure(
            "<results>/tables/performance_profiles.csv", non_empty=True
        ),
        data_profiles=ensure("<results>/tables/data_profiles.csv", non_empty=True),
        statuses=ensure("<results>/tables/statuses.csv", non_empty=True),
        failures=ensure("<results>/tables/failures.csv", non_empty=True),
    log:
        "<logs>/analyse.log",
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
        "mixsweep analyse {input.sweep:q} --tables {params.tables:q} --verdicts {output.verdicts:q}"
        " > {log:q} 2>&1"
