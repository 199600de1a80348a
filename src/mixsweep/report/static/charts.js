"use strict";

const dark = matchMedia("(prefers-color-scheme: dark)");
const inks = {
  light: { ink_pale: "#23282d", ink_strong: "#ffffff" },
  dark: { ink_pale: "#e4e7ea", ink_strong: "#10161c" },
};

function setParams(spec, values) {
  for (const param of spec.params) if (param.name in values) param.value = values[param.name];
}

function ticksOf(rows, field) {
  const values = rows.map((row) => row[field]).filter((value) => value !== null);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const powers = Array.from({ length: 8 }, (_, i) => 10 ** (i - 1));
  return [...powers.map((value) => -value).reverse().filter((value) => value >= low), 0, ...powers.filter((value) => value <= high)];
}

// The only change the page makes to a drawing: fit it to the room there is.
function fit(spec, rows, room) {
  const layout = spec.usermeta.layout;
  if (layout.ticks) setParams(spec, { [`${layout.ticks}_ticks`]: ticksOf(rows, layout.ticks) });
  if (room < 560) {
    const legend = { ...spec.config.legend, columns: room < 400 ? 1 : 3, layout: { top: { direction: "vertical", margin: 4 } } };
    spec.config = { ...spec.config, legend, axis: { ...spec.config.axis, labelLimit: 110 }, header: { ...spec.config.header, labelLimit: room - 100 } };
  }
  if (layout.kind === "fit") {
    spec.width = room;
    spec.autosize = { type: "fit-x", contains: "padding" };
    // A drawing that is fitted must know its height in pixels.
    if (layout.y) spec.height = spec.height.step * new Set(rows.map((row) => layout.y.map((field) => row[field]).join("\n"))).size;
  } else if (layout.kind === "wrap") {
    const panels = layout.count ?? distinct(rows, layout.columns).length;
    const labels = Math.min(layout.labels, spec.config.axis.labelLimit + 10);
    const columns = Math.max(1, Math.min(panels, 4, Math.floor((room - labels + 22) / (layout.min + 22))));
    spec.columns = columns;
    spec.spec.width = Math.max(120, Math.min(460, Math.floor((room - labels) / columns - 22)));
  } else if (layout.kind === "plane") {
    // Both axes on one scale.
    const ends = rows.find((row) => row.x_low !== null);
    spec.width = Math.max(120, Math.min(420, room - 70));
    spec.height = Math.round((spec.width * (ends.y_high - ends.y_low)) / (ends.x_high - ends.x_low));
  } else {
    const view = spec.spec ?? spec;
    const groups = layout.facet ? distinct(rows, layout.facet).length : 1;
    const columns = groups * distinct(rows, layout.x).length;
    const longest = Math.max(...distinct(rows, layout.y[0]).map((name) => String(name).length));
    const labels = Math.min(230, 7 * longest) + 24 + 16 * groups;
    const step = Math.max(layout.min, Math.min(layout.max, Math.floor((room - labels) / columns)));
    view.width = { step };
    if (layout.text) setParams(spec, { show_text: step >= layout.text ? 1 : 0 });
  }
}

class Figure {
  constructor(node) {
    this.node = node;
    this.name = node.dataset.chart;
    this.chart = payload.charts[this.name];
    this.place = node.querySelector(".chart");
    this.selects = [...node.querySelectorAll("[data-pick]")];
    for (const select of this.selects) select.addEventListener("change", () => pick(select.dataset.pick, select.value));
    for (const button of node.querySelectorAll("[data-save]")) {
      button.addEventListener("click", () => this.save(button.dataset.save));
    }
  }

  variant(rows) {
    const cells = distinct(rows, "cell").length;
    return this.chart.variants.find((item) => cells <= item.max_cells) ?? this.chart.variants.at(-1);
  }

  // The heat map of all cells stays whole, as the place to choose from: what the filter hides is faint in it.
  rows() {
    return this.selects.reduce((rows, select) => this.picked(rows, select), this.allRows());
  }

  // The rows with one value of a field: what was chosen if there is such a row, else what the report begins with.
  picked(rows, select) {
    const field = select.dataset.pick;
    const values = distinct(rows, field);
    const wanted = [state.picks[field], payload.first[field]].find((value) => values.some((own) => String(own) === value));
    const value = values.find((own) => String(own) === wanted) ?? values[0];
    select.replaceChildren(...values.map((own) => element("option", { value: String(own) }, String(own))));
    select.value = String(value);
    select.closest("label").hidden = values.length < 2;
    return rows.filter((row) => row[field] === value);
  }

  allRows() {
    const { dataset, whole } = this.chart;
    return whole ? rowsOf(dataset).map((row) => ({ ...row, faint: !passes(row) })) : shownRows(dataset);
  }

  // A complete specification of what is shown, in the light theme with its title.
  specification() {
    const rows = this.rows();
    const spec = structuredClone(this.variant(rows).spec);
    spec.data = { name: "rows", values: rows };
    spec.config = payload.config.light;
    if (state.tolerance) setParams(spec, { tolerance: Number(state.tolerance) });
    fit(spec, rows, Math.max(240, this.place.clientWidth - 4));
    return spec;
  }

  async render() {
    const rows = this.rows();
    this.view?.finalize();
    this.view = null;
    this.node.querySelector("figcaption").textContent = this.variant(rows).caption + cutNote(this.chart.dataset);
    for (const button of this.node.querySelectorAll("[data-save]")) button.disabled = !rows.length;
    const why = this.nothing(rows);
    if (why) {
      this.place.replaceChildren(element("p", { class: "empty" }, `Nothing to show: ${why}`));
      return;
    }
    const theme = dark.matches ? "dark" : "light";
    const spec = this.specification();
    delete spec.title;
    const { legend, axis, header } = spec.config;
    spec.config = { ...payload.config[theme], background: "transparent" };
    spec.config.axis = { ...spec.config.axis, labelLimit: axis.labelLimit };
    spec.config.header = { ...spec.config.header, labelLimit: header.labelLimit };
    spec.config.legend = { ...spec.config.legend, columns: legend.columns, layout: legend.layout ?? {} };
    spec.padding = { left: 0, right: 6, top: 4, bottom: 4 };
    setParams(spec, inks[theme]);
    const stage = element("div");
    const { view } = await embed(stage, spec, theme);
    this.view = view;
    this.place.dataset.theme = theme;
    this.place.replaceChildren(stage);
    const label = stage.querySelector("svg");
    label.setAttribute("aria-label", `${this.chart.title}. The rows are in the table of this section.`);
    view.addEventListener("click", (_, item) => {
      const row = item?.datum;
      if (row && row.problem !== undefined && row.n_components !== undefined && !isChosen(row)) chooseCell(row);
    });
  }

  nothing(rows) {
    if (!rowsOf(this.chart.dataset).length) return "the table has no rows.";
    if (!rows.length) return "no row passes the filter.";
    const { needs, missing } = this.chart;
    const none = needs.length && rows.every((row) => needs.every((name) => row[name] === null));
    return none ? `${rows[0].reason || missing}.` : "";
  }

  async save(what) {
    const spec = this.specification();
    const file = `mixsweep-${this.name}`;
    if (what === "csv") save(`${file}.csv`, toCsv(spec.data.values), "text/csv");
    if (what === "spec") save(`${file}.json`, JSON.stringify(spec, null, 1), "application/json");
    if (what === "svg") {
      const { view } = await embed(document.createElement("div"), spec, "light");
      save(`${file}.svg`, await view.toSVG(), "image/svg+xml");
      view.finalize();
    }
  }
}

// Expressions are interpreted, not compiled: the page's policy allows no code made from text.
function embed(node, spec, theme) {
  return vegaEmbed(node, spec, { actions: false, renderer: "svg", ast: true, mode: "vega-lite", tooltip: { theme } });
}
