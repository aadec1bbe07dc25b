"use strict";

// Ties the threshold to all that it moves.

const DATA = JSON.parse(document.getElementById("data").textContent);
const at = thresholdFigures(DATA.figures.thresholds);
const labelled = DATA.figures.labelled > 0;

const TILES = labelled
  ? [
      ["flagged", "Flagged", "of the scored answers"],
      ["precision", "Precision", "of the flagged are wrong"],
      ["recall", "Recall", "of the wrong are flagged"],
      ["kept", "Accuracy of the kept", "of the kept are right"],
    ]
  : [["flagged", "Flagged", "of the scored answers"]];

const CURVES = TILES.map(([key, name]) => [name, key]);

function makeTiles() {
  const tiles = TILES.map(([key, name, about]) => {
    const tile = element("div", "tile");
    const value = element("span", "value");
    const small = element("span", "about");
    value.id = `figure-${key}`;
    tile.append(element("span", "name", name), value, small);
    document.getElementById("tiles").append(tile);
    return [key, value, small, about];
  });
  if (!labelled) document.getElementById("tiles").append(...plainTiles());
  return (figures) => {
    for (const [key, value, small, about] of tiles) {
      const figure = figures[key];
      value.textContent = figure ? percent(figure.value) : "–";
      small.textContent = figure
        ? `${count(figure.hits)} of ${count(figure.trials)} ${about}${margin(key, figure)}`
        : "there are none";
    }
  };
}

function margin(key, figure) {
  if (key === "flagged") return "";
  const [low, high] = interval(figure);
  return ` (95 % interval: ${(100 * low).toFixed(0)} to ${percent(high, 0)})`;
}

function plainTiles() {
  const { mean, scored, rows } = DATA.figures;
  return [
    ["Mean score", mean === null ? "–" : mean.toFixed(3), "of the scored answers"],
    ["Scored", count(scored), `of ${answersTold(rows)}`],
  ].map(([name, text, about]) => {
    const tile = element("div", "tile");
    tile.append(
      element("span", "name", name), element("span", "value", text),
      element("span", "about", about));
    return tile;
  });
}

function sentence(step, figures) {
  const { flagged, kept, overall } = figures;
  const are = flagged.hits === 1 ? "is" : "are";
  const share = `${count(flagged.hits)} of ${answersTold(flagged.trials)}`;
  const start = `Below ${thresholdText(step)}, ${share} ${are} flagged.`;
  if (!overall) return start;
  const without = `Of all answers, ${percent(overall.value)} are right`;
  return kept ? `${start} ${without}; of the kept, ${percent(kept.value)}.` : `${start} ${without}.`;
}

function brief({ flagged, kept }) {
  const right = kept && ` · ${percent(kept.value)} of the kept right`;
  return `${percent(flagged.value)} flagged${right || ""}`;
}

function thresholdTable() {
  const table = document.getElementById("threshold-table");
  const head = element("tr");
  for (const name of ["Threshold", ...CURVES.map(([each]) => each)]) {
    const cell = element("th", "", name);
    cell.scope = "col";
    head.append(cell);
  }
  const rows = Array.from({ length: 21 }, (_, k) => 50 * k).map((step) => {
    const row = element("tr");
    const name = element("th", "", thresholdText(step));
    name.scope = "row";
    const figures = at(step);
    row.append(name, ...CURVES.map(([, key]) =>
      element("td", "", figures[key] ? percent(figures[key].value) : "–")));
    return row;
  });
  const top = element("thead");
  const body = element("tbody");
  top.append(head);
  body.append(...rows);
  table.append(top, body);
}

function keyEntry(text, width, shape) {
  const item = element("li");
  item.append(svgNode("svg", { width, height: 12, "aria-hidden": "true" }, shape), text);
  return item;
}

function makeKeys() {
  const box = (name) => svgNode("rect", { class: name, width: 12, height: 12, rx: 2 });
  const line = (key) => svgNode("path", { class: `curve ${key}`, d: "M0 6H26" });
  const { scored, labelled: judged } = DATA.figures;
  const bars = labelled ? [["right", "good"], ["wrong", "bad"]] : [];
  if (scored > judged) bars.push([labelled ? "without a label" : "scored answers", "neutral"]);
  document.getElementById("distribution-key")
    .append(...bars.map(([text, name]) => keyEntry(text, 12, box(name))));
  document.getElementById("curves-key")
    .append(...CURVES.map(([name, key]) => keyEntry(name, 26, line(key))));
}

const redraws = [];

// Draws a chart now and whenever its width changes; returns what moves its threshold.
function livingChart(id, draw) {
  const holder = document.getElementById(id);
  if (!holder) return { move() {}, redraw() {} };
  let width = 0;
  let last = null;
  let move = () => {};
  const redraw = () => {
    width = holder.clientWidth;
    move = draw(holder);
    if (last) move(...last);
  };
  redraw();
  redraws.push(redraw);
  new ResizeObserver(() => {
    if (holder.clientWidth !== width) redraw();
  }).observe(holder);
  return {
    redraw,
    move(...values) {
      last = values;
      move(...values);
    },
  };
}

function makePairChart() {
  const { pairs, signals } = DATA.figures;
  const choice = document.getElementById("pair");
  if (!choice) return { move() {} };
  const colour = document.getElementById("pair-colour");
  pairs.forEach((pair, index) => choice.append(new Option(`${pair.x} and ${pair.y}`, index)));
  // Two signals say more than a signal and the score that was made of it.
  choice.value = Math.max(0, pairs.findIndex((pair) => pair.x !== signals[0].name));
  const chart = livingChart("signals", (holder) =>
    drawPair(holder, pairs[choice.value], colour ? colour.value : "count", DATA.scoreName));
  const describe = () => {
    const { correlation, count: cells } = pairs[choice.value];
    const how = correlation === null ? "" : ` (correlation ${correlation.toFixed(2)})`;
    const meaning = colour && colour.value === "right"
      ? "the bluer a square, the more of its answers are right"
      : "the stronger a square's colour, the more answers it holds";
    document.getElementById("pair-text").textContent =
      `${answersTold(total(cells))} by two of their signals${how}: ${meaning}.`;
  };
  const change = () => {
    chart.redraw();
    describe();
  };
  choice.addEventListener("change", change);
  if (colour) colour.addEventListener("change", change);
  describe();
  return chart;
}

// Where no answer has a score there is no threshold to move.
function startWithoutScores() {
  makePairChart();
  groupTable(DATA.figures.groups, labelled)(Math.round(DATA.threshold * STEPS));
  answerList(DATA.answers, DATA.threshold);
}

function start() {
  const range = document.getElementById("threshold");
  const number = document.getElementById("threshold-number");
  const status = document.getElementById("sentence");
  const short = document.getElementById("brief");
  const showTiles = makeTiles();
  const { thresholds, reliability } = DATA.figures;
  makeKeys();
  thresholdTable();
  const distribution = livingChart("distribution", (holder) => drawDistribution(holder, thresholds));
  const curves = livingChart("curves", (holder) => drawCurves(holder, at, CURVES));
  if (reliability) livingChart("reliability", (holder) => drawReliability(holder, reliability));
  const pair = makePairChart();
  let step = Math.round(DATA.threshold * STEPS);
  const showAnswers = answerList(DATA.answers, step / STEPS);
  const showGroups = groupTable(DATA.figures.groups, labelled);
  const showExport = exportButton(DATA.answers);

  function moveTo(wanted) {
    step = Math.min(STEPS, Math.max(0, Math.round(wanted)));
    const value = step / STEPS;
    const figures = at(step);
    range.value = value;
    range.setAttribute("aria-valuetext", `${thresholdText(step)}`);
    if (document.activeElement !== number) number.value = thresholdText(step);
    status.textContent = sentence(step, figures);
    short.textContent = brief(figures);
    showTiles(figures);
    distribution.move(value);
    curves.move(value, figures);
    pair.move(value);
    showAnswers(value);
    showGroups(step);
    showExport(value);
  }

  range.addEventListener("input", () => moveTo(range.valueAsNumber * STEPS));
  number.addEventListener("input", () => {
    if (number.value !== "" && number.validity.valid) moveTo(number.valueAsNumber * STEPS);
  });
  number.addEventListener("change", () => {
    number.value = thresholdText(step);
  });
  const ARROWS = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 };
  range.addEventListener("keydown", (event) => {
    const direction = ARROWS[event.key];
    if (!direction || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    moveTo(step + direction * (event.shiftKey ? 1 : 10));
  });
  for (const id of ["distribution", "curves"]) pointToThreshold(document.getElementById(id), moveTo);
  moveTo(step);
}

// A click or a drag in a chart whose x axis is the score.
function pointToThreshold(holder, moveTo) {
  const place = (event) => {
    const box = holder.getBoundingClientRect();
    const width = box.width - SCORE_MARGIN.left - SCORE_MARGIN.right;
    moveTo(((event.clientX - box.left - SCORE_MARGIN.left) / width) * STEPS);
  };
  holder.addEventListener("pointerdown", (event) => {
    holder.setPointerCapture(event.pointerId);
    place(event);
  });
  holder.addEventListener("pointermove", (event) => {
    if (holder.hasPointerCapture(event.pointerId)) place(event);
  });
}

// On paper nothing can be opened, so all is.
let opened = [];
addEventListener("beforeprint", () => {
  onPaper = true;
  for (const redraw of redraws) redraw();
  opened = [...document.querySelectorAll("details:not([open])")];
  for (const each of opened) each.open = true;
});
addEventListener("afterprint", () => {
  onPaper = false;
  for (const redraw of redraws) redraw();
  for (const each of opened) each.open = false;
});

if (DATA.figures.scored) start();
else startWithoutScores();
