"use strict";

const digits = (least, most) => new Intl.NumberFormat("en", { minimumFractionDigits: least, maximumFractionDigits: most });
const whole = digits(0, 0);
const four = digits(4, 4);
const tenth = digits(1, 1);
const significant = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });

const formats = {
  count: (value) => (Number.isInteger(value) ? whole : tenth).format(value),
  "log-likelihood": (value) => four.format(value),
  nats: (value) => four.format(value),
  percent: (value) => tenth.format(100 * value) + "%",
  interval: (value) => tenth.format(100 * value) + "%",
  range: (value) => whole.format(value),
  estimate: (value) => formats.number(value),
  rate: (value) => digits(5, 5).format(value),
  yes: (value) => (value ? "yes" : "no"),
  number: (value) => (value !== 0 && Math.abs(value) < 1e-3 ? value.toExponential(1) : significant.format(value)),
  seconds: (value) => (value !== 0 && Math.abs(value) < 1e-3 ? value.toExponential(1) : significant.format(value)),
  tolerance: (value) => value.toExponential(0),
};

function minus(text) {
  return text.replace(/^-/, "\u2212");
}

function content(row, column) {
  const value = row[column.name];
  const coloured = payload.colours[column.format];
  if (coloured) {
    if (!value) return [column.empty];
    return [element("span", { class: "dot", style: `background:${coloured[value] ?? "#888"}` }), value];
  }
  if (column.format === "pair") {
    if (!value) return [column.empty];
    const dot = element("span", { class: "dot", style: `background:${payload.colours.method[value] ?? "#888"}` });
    return [dot, value, element("span", { class: "range" }, row.best_initializer)];
  }
  if (column.format === "command") return value ? [element("code", {}, value)] : [column.empty];
  if (!formats[column.format]) return [value === "" || value === null ? column.empty : String(value)];
  if (value === null) return [column.empty];
  const text = minus(formats[column.format](value));
  if (!["interval", "range", "estimate"].includes(column.format)) return [text];
  const [low, high] = [row[column.name + "_low"] ?? null, row[column.name + "_high"] ?? null];
  if (low === null && high === null) return [text];
  const write = (end) => (end === null ? column.empty : minus(formats[column.format](end).replace("%", "")));
  const dash = low < 0 ? " to " : "\u2013";
  return [text, element("span", { class: "range" }, `${write(low)}${dash}${write(high)}`)];
}

function compare(a, b) {
  if (a === b) return 0;
  return typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), "en", { numeric: true });
}

// What is missing stays at the end in both directions.
function sorted(rows, by, descending) {
  const missing = (value) => value === null || value === undefined || value === "";
  const sign = descending ? -1 : 1;
  return [...rows].sort((a, b) => missing(a[by]) - missing(b[by]) || sign * compare(a[by], b[by]));
}

class SortedTable {
  constructor(container) {
    this.container = container;
    this.name = container.dataset.table;
    this.columns = payload.columns[this.name];
    this.first = Number(container.dataset.first);
    this.all = false;
    this.by = null;
    this.descending = false;
  }

  render() {
    const shown = shownRows(this.name);
    for (const size of document.querySelectorAll(`[data-size="${this.name}"]`)) size.textContent = `(${whole.format(shown.length)} rows)`;
    if (!shown.length) {
      const why = rowsOf(this.name).length ? "no row passes the filter." : "the table has no rows.";
      this.container.replaceChildren(element("p", { class: "empty" }, `Nothing to show: ${why}`));
      return;
    }
    const rows = this.by ? sorted(shown, this.by, this.descending) : shown;
    const visible = this.all ? rows : rows.slice(0, this.first);
    // Reasons and warnings have a column only where there are any.
    this.columns = payload.columns[this.name].filter(({ name, format }) => format !== "words" || shown.some((row) => row[name]));
    const table = element("table", {}, this.head(), element("tbody", {}, ...visible.map((row) => this.row(row))));
    this.container.replaceChildren(element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "table" }, table), this.bar(rows, visible));
  }

  head() {
    const line = element("tr");
    for (const column of this.columns) {
      const button = element("button", { type: "button" }, column.label);
      if (column.note) button.title = column.note;
      button.addEventListener("click", () => this.sort(column.name));
      const cell = element("th", { scope: "col", class: formats[column.format] ? "number" : "" }, button);
      if (column.name === this.by) cell.setAttribute("aria-sort", this.descending ? "descending" : "ascending");
      line.append(cell);
    }
    return element("thead", {}, line);
  }

  row(row) {
    const line = element("tr");
    const selects = this.name === "verdicts";
    for (const column of this.columns) {
      const short = ["method", "initializer", "status", "kind", "best_method"].includes(column.name);
      const kind = formats[column.format] ? "number" : ["sentence", "words"].includes(column.format) ? column.format : short ? "short" : "";
      const cell = element("td", { class: kind });
      if (selects && column.name === "problem") {
        const button = element("button", { type: "button", "aria-pressed": String(isChosen(row)) }, row.problem);
        cell.append(button);
      } else {
        cell.append(...content(row, column));
      }
      line.append(cell);
    }
    if (selects) {
      line.dataset.cell = row.cell;
      line.classList.toggle("chosen", isChosen(row));
      line.addEventListener("click", () => (getSelection().isCollapsed ? chooseCell(row) : null));
    }
    return line;
  }

  bar(rows, visible) {
    const bar = element("div", { class: "bar" });
    if (rows.length > this.first) {
      const toggle = element("button", { type: "button" }, this.all ? `First ${this.first} only` : `Show all ${whole.format(rows.length)} rows`);
      toggle.addEventListener("click", () => {
        this.all = !this.all;
        this.render();
      });
      bar.append(`${whole.format(visible.length)} of ${whole.format(rows.length)} rows`, toggle);
    }
    const button = element("button", { type: "button", title: "All rows that pass the filter, as a csv file" }, "csv");
    button.addEventListener("click", () => save(`mixsweep-${this.name}.csv`, toCsv(rows), "text/csv"));
    bar.append(button, cutNote(this.name));
    return bar;
  }

  sort(by) {
    this.descending = this.by === by && !this.descending;
    this.by = by;
    this.render();
    // The heading was drawn anew; a keyboard user stays on it.
    this.container.querySelector("th[aria-sort] button").focus();
  }
}
