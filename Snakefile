# The sweep, from data files to a report. See workflow/documentation.md.

from snakemake.utils import min_version, validate

min_version("9.19")

from mixsweep.workflow import SweepWorkflow, default_config

# A config named on the command line replaces the default one: merged, the two would make a sweep that nobody asked for.
if not workflow.overwrite_configfiles:

    configfile: default_config(workflow.basedir)


# Our own checks first: their messages name the nearest valid key. The schema is for editors and other tools.
sweep = SweepWorkflow(
    config,
    workflow.configfiles,
    workflow.pathvars.get("results"),
    workflow.pathvars.get("logs"),
)
validate(config, "workflow/schemas/config.schema.yaml", set_default=False)

if workflow.is_main_process:
    sweep.prepare()


report: "workflow/report/workflow.rst"


wildcard_constraints:
    problem=r"[^/]+",
    family=r"[^/]+",
    method=r"[^/]+",
    initializer=r"[^/]+",
    n_components=r"[1-9][0-9]*",
    start=r"[0-9]+",
    stop=r"[0-9]+",


rule all:
    default_target: True
    input:
        sweep="<results>/sweep.nc",
        verdicts="<results>/verdicts.csv",
        report="<results>/report/index.html",
        figures="<results>/report/figures/optima.svg",
        landscapes=sweep.landscapes,
        rounds=["<results>/restarts.json"] if sweep.adaptive else [],
    localrule: True


include: "workflow/rules/plan.smk"
include: "workflow/rules/problem.smk"
include: "workflow/rules/shard.smk"
include: "workflow/rules/cell.smk"
include: "workflow/rules/optima.smk"
include: "workflow/rules/landscape.smk"
include: "workflow/rules/barriers.smk"
include: "workflow/rules/collect.smk"
include: "workflow/rules/analyse.smk"
include: "workflow/rules/speed.smk"
include: "workflow/rules/rounds.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/figures.smk"


onstart:
    sweep.begin(workflow.persistence)


onsuccess:
    sweep.end()


onerror:
    sweep.fail()
