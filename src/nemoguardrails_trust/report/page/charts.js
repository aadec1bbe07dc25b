"use strict";

// Charts in SVG, drawn at the width that there is and drawn again when it changes.

const SVG = "http://www.w3.org/2000/svg";

function svgNode(name, attributes = {}, ...children) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

function svgText(text, x, y, anchor = "middle", attributes = {}) {
  const node = svgNode("text", { x, y, "text-anchor": anchor, ...attributes });
  node.textContent = text;
  return node;
}

function titled(node, text) {
  const title = svgNode("title");
  title.textContent = text;
  node.append(title);
  return node;
}

// On paper a chart is drawn for the width of a page, so that its texts can be read.
const PAPER_WIDTH = 680;
let onPaper = false;

function chartWidth(holder) {
  return Math.max(240, Math.min(holder.clientWidth, onPaper ? PAPER_WIDTH : Infinity));
}

// An empty chart: an SVG element, its plotting area, and scales from 0–1 to pixels.
function frame(holder, height, label, margin) {
  const width = chartWidth(holder);
  const svg = svgNode("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img" });
  svg.setAttribute("aria-label", label);
  const area = {
    left: margin.left,
    top: margin.top,
    width: width - margin.left - margin.right,
    height: height - margin.top - margin.bottom,
  };
  const x = (value) => area.left + value * area.width;
  const y = (value) => area.top + (1 - value) * area.height;
  holder.replaceChildren(svg);
  return { svg, area, x, y };
}

function axes({ svg, area, x, y }, { xTicks, yTicks, xName, yName }) {
  const bottom = area.top + area.height;
  for (const [value, text] of yTicks) {
    svg.append(
      svgNode("line", { class: "grid", x1: x(0), x2: x(1), y1: y(value), y2: y(value) }),
      svgText(text, area.left - 8, y(value) + 4, "end"),
    );
  }
  for (const value of xTicks) {
    svg.append(svgText(value.toFixed(1), x(value), bottom + 18));
  }
  svg.append(svgNode("line", { class: "axis", x1: x(0), x2: x(1), y1: bottom, y2: bottom }));
  if (xName) svg.append(svgText(xName, x(0.5), bottom + 36));
  if (yName) {
    const turn = `rotate(-90 12 ${y(0.5)})`;
    svg.append(svgText(yName, 12, y(0.5), "middle", { transform: turn }));
  }
}

const FIFTHS = [0, 0.2, 0.4, 0.6, 0.8, 1];
const PERCENTS = FIFTHS.map((value) => [value, percent(value, 0)]);
const SCORE_MARGIN = { left: 52, right: 14, top: 10, bottom: 26 };

// The line of the threshold, and the tinted side that is flagged.
function thresholdMark({ svg, area, x }) {
  const side = svgNode("rect", {
    class: "flagged-side", x: x(0), y: area.top, height: area.height, width: 0,
  });
  const line = svgNode("line", { class: "cut", y1: area.top, y2: area.top + area.height });
  svg.prepend(side);
  svg.append(line);
  return (value) => {
    side.setAttribute("width", value * area.width);
    line.setAttribute("x1", x(value));
    line.setAttribute("x2", x(value));
  };
}

// A round number of at least `top`, so that the ticks are round too.
function roundUp(top) {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, top)));
  const steps = power >= 10 ? [1, 1.2, 1.4, 1.6, 1.8] : [1];
  return [...steps, 2, 3, 4, 5, 6, 7, 8, 9, 10].map((k) => k * power).find((value) => value >= top);
}

const SCORE_BARS = 50;

function scoreBars(bins) {
  const bars = new Array(SCORE_BARS).fill(0);
  bins.forEach((n, bin) => {
    const place = Math.floor((Math.max(bin, 1) - 1) / (STEPS / SCORE_BARS));
    bars[Math.min(SCORE_BARS - 1, place)] += n;
  });
  return bars;
}

function drawDistribution(holder, thresholds) {
  const all = scoreBars(thresholds.all);
  const right = scoreBars(thresholds.right);
  const wrong = scoreBars(thresholds.wrong);
  const top = roundUp(Math.max(...all));
  const label = `Distribution of the scores in ${SCORE_BARS} bars`;
  const widest = count(top).length * 7 + 12;  // the axis leaves room for its numbers
  const left = Math.max(SCORE_MARGIN.left, widest);
  const chart = frame(holder, 230, label, { ...SCORE_MARGIN, left });
  const { svg, x, y } = chart;
  const parts = top % 2 ? [0, 1] : [0, 0.5, 1];
  axes(chart, { xTicks: FIFTHS, yTicks: parts.map((part) => [part, count(part * top)]) });
  const width = Math.max(1, x(1 / SCORE_BARS) - x(0) - 1);
  all.forEach((total, bar) => {
    let below = 0;
    const from = (bar / SCORE_BARS).toFixed(2);
    const to = ((bar + 1) / SCORE_BARS).toFixed(2);
    const stack = [
      ["bad", wrong[bar], "wrong"],
      ["good", right[bar], "right"],
      ["neutral", total - wrong[bar] - right[bar], "without a label"],
    ];
    for (const [name, n, text] of stack) {
      if (!n) continue;
      const attributes = {
        class: name, width, x: x(bar / SCORE_BARS) + 0.5, y: y((below + n) / top),
        height: y(0) - y(n / top),
      };
      svg.append(titled(svgNode("rect", attributes), `${from} to ${to}: ${count(n)} ${text}`));
      below += n;
    }
  });
  return thresholdMark(chart);
}

// `curves` are [name, key of the figures]; undefined where a figure has no value.
function drawCurves(holder, at, curves) {
  const label = `${curves.map(([name]) => name).join(", ")} against the threshold`;
  const chart = frame(holder, 260, label, SCORE_MARGIN);
  const { svg, x, y } = chart;
  axes(chart, { xTicks: FIFTHS, yTicks: PERCENTS });
  const dots = [];
  const paths = curves.map(([, key]) => {
    let path = "";
    let drawing = false;
    for (let step = 0; step <= STEPS; step += 2) {
      const figure = at(step)[key];
      if (figure) {
        path += `${drawing ? "L" : "M"}${x(step / STEPS).toFixed(1)} ${y(figure.value).toFixed(1)}`;
      }
      drawing = Boolean(figure);
    }
    const dot = svgNode("circle", { class: `dot ${key}`, r: 4.5 });
    dots.push([key, dot]);
    return svgNode("path", { class: `curve ${key}`, d: path });
  });
  svg.append(...paths);
  const mark = thresholdMark(chart);
  svg.append(...dots.map(([, dot]) => dot));
  return (value, figures) => {
    mark(value);
    for (const [key, dot] of dots) {
      const figure = figures[key];
      dot.setAttribute("visibility", figure ? "visible" : "hidden");
      if (!figure) continue;
      dot.setAttribute("cx", x(value));
      dot.setAttribute("cy", y(figure.value));
    }
  };
}

const SQUARE_MARGIN = { left: 58, right: 12, top: 10, bottom: 44 };

function squareHeight(holder) {
  const width = chartWidth(holder);
  return width - SQUARE_MARGIN.left - SQUARE_MARGIN.right + SQUARE_MARGIN.top + SQUARE_MARGIN.bottom;
}

function drawReliability(holder, { bins, error }) {
  const label = `Share of right answers against the score; expected calibration error ${error.toFixed(3)}`;
  const chart = frame(holder, squareHeight(holder), label, SQUARE_MARGIN);
  const { svg, x, y } = chart;
  axes(chart, { xTicks: FIFTHS, yTicks: PERCENTS, xName: "mean score", yName: "right" });
  svg.append(svgNode("line", { class: "ideal", x1: x(0), y1: y(0), x2: x(1), y2: y(1) }));
  const most = Math.max(...bins.map((bin) => bin.count));
  for (const bin of bins) {
    const text =
      `Scores ${bin.from} to ${bin.to}: ${answersTold(bin.count)}, ` +
      `mean score ${bin.score.toFixed(2)}, ${percent(bin.accuracy)} right`;
    const at = x(bin.score);
    svg.append(
      svgNode("line", { class: "interval", x1: at, x2: at, y1: y(bin.low), y2: y(bin.high) }),
      titled(
        svgNode("circle", {
          class: "bubble", cx: at, cy: y(bin.accuracy), r: 4 + 7 * Math.sqrt(bin.count / most),
        }),
        text,
      ),
    );
  }
  return () => {};
}

const CELLS = 20;

// Two signals against each other; a cell's colour is how many answers, or how many are right.
function drawPair(holder, pair, colour, scoreName) {
  const label = `${pair.x} against ${pair.y}, ${answersTold(total(pair.count))}`;
  const chart = frame(holder, squareHeight(holder), label, SQUARE_MARGIN);
  const { svg, area, x, y } = chart;
  const yTicks = FIFTHS.map((value) => [value, value.toFixed(1)]);
  axes(chart, { xTicks: FIFTHS, yTicks, xName: shorten(pair.x), yName: shorten(pair.y) });
  const side = area.width / CELLS;
  const most = Math.max(...pair.count.map(([, , n]) => n));
  const right = new Map(pair.right.map(([column, row, n]) => [row * CELLS + column, n]));
  const wrong = new Map(pair.wrong.map(([column, row, n]) => [row * CELLS + column, n]));
  for (const [column, row, n] of pair.count) {
    const key = row * CELLS + column;
    const good = right.get(key) || 0;
    const judged = good + (wrong.get(key) || 0);
    const share = judged ? good / judged : 0;
    const text = `${answersTold(n)}${judged ? `, ${percent(share)} right` : ""}`;
    const shape = {
      x: x(column / CELLS), y: y((row + 1) / CELLS), width: side, height: side,
    };
    if (colour === "right") {
      if (!judged) continue;
      // Two layers, so that the blend of the two colours shows the share in either theme.
      svg.append(svgNode("rect", { class: "cell bad", ...shape }));
      shape["fill-opacity"] = share.toFixed(3);
      svg.append(titled(svgNode("rect", { class: "cell good", ...shape }), text));
    } else {
      shape["fill-opacity"] = (0.12 + 0.88 * Math.sqrt(n / most)).toFixed(3);
      svg.append(titled(svgNode("rect", { class: "cell good", ...shape }), text));
    }
  }
  const lines = [];
  if (pair.x === scoreName) lines.push((at) => ({ x1: x(at), x2: x(at), y1: y(0), y2: y(1) }));
  if (pair.y === scoreName) lines.push((at) => ({ x1: x(0), x2: x(1), y1: y(at), y2: y(at) }));
  const moves = lines.map((place) => {
    const line = svgNode("line", { class: "cut" });
    svg.append(line);
    return (value) => {
      for (const [name, at] of Object.entries(place(value))) line.setAttribute(name, at);
    };
  });
  return (value) => moves.forEach((move) => move(value));
}

const total = (cells) => cells.reduce((sum, [, , n]) => sum + n, 0);
const shorten = (text) => (text.length > 32 ? `${text.slice(0, 31)}…` : text);
