"use strict";

// The list of answers. Every text is set as text, never as markup.

const PAGE_SIZE = 20;

const GROUPS = [
  ["least", "Least trusted", "low"],
  ["most", "Most trusted", "high"],
  ["wrong", "Trusted but wrong", "high"],
  ["right", "Right but distrusted", "low"],
  ["failed", "Without a score", "row"],
  ["sample", "Random sample", "row"],
  ["", "All on this page", "low"],
];

function element(name, className, text) {
  const node = document.createElement(name);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

// Text of a model or a user, which may be of any writing direction.
function foreignText(name, className, text) {
  const node = element(name, className, text);
  node.dir = "auto";
  return node;
}

function answerCard(answer) {
  const item = element("li");
  const details = element("details", "answer");
  const summary = element("summary");
  const side = element("span", "side");
  const scored = answer.score !== null;
  side.append(element("span", scored ? "score" : "score none", scored ? answer.score.toFixed(3) : "no score"));
  const flag = element("span", "badge flagged", "flagged");
  side.append(flag);
  if (answer.label === 1) side.append(element("span", "badge right", "✓ right"));
  if (answer.label === 0) side.append(element("span", "badge wrong", "✗ wrong"));
  const texts = element("span", "texts");
  texts.append(
    foreignText("span", "prompt", answer.prompt || "(no prompt)"),
    responseText(answer),
  );
  summary.append(side, texts);
  details.append(summary, answerBody(answer));
  item.append(details);
  const flagAt = (threshold) => {
    flag.hidden = !scored || answer.score >= threshold;
  };
  return { item, flagAt };
}

// The response, each sentence that has a score shaded the more the less it can be trusted.
function responseText(answer) {
  if (!answer.claims) return foreignText("span", "response", answer.response || "(no answer)");
  const response = foreignText("span", "response");
  for (const [text, score] of answer.claims) {
    const piece = element(score === null ? "span" : "mark", "", text);
    if (score !== null) {
      piece.title = `score of this sentence: ${score.toFixed(2)}`;
      piece.className = `claim doubt-${Math.min(4, Math.floor((1 - score) * 5))}`;
      if (score < 0.5) piece.append(element("span", "hidden", ` (doubtful: ${score.toFixed(2)})`));
    }
    response.append(piece);
  }
  return response;
}

function answerBody(answer) {
  const body = element("div", "body");
  const part = (title, node) => body.append(element("h4", "", title), node);
  if (answer.explanation) part("Explanation", foreignText("p", "text", answer.explanation));
  if (answer.alternatives) part("Other answers of the model", alternativesList(answer));
  if (answer.reference) part("Right answer", foreignText("p", "text", answer.reference));
  if (answer.signals) part("Signals", signalMeasures(answer.signals));
  if (answer.error) part("Error", foreignText("p", "text", answer.error));
  body.append(element("p", "quiet", `Row ${count(answer.row)} of the results`));
  return body;
}

function alternativesList(answer) {
  const list = element("ul");
  for (const text of answer.alternatives) list.append(foreignText("li", "text", text));
  if (answer.moreAlternatives) {
    list.append(element("li", "quiet", `and ${count(answer.moreAlternatives)} more`));
  }
  return list;
}

function signalMeasures(signals) {
  const grid = element("div", "measures");
  for (const [name, value] of Object.entries(signals)) {
    const meter = element("meter");
    meter.value = value;
    meter.setAttribute("aria-label", name);
    grid.append(foreignText("span", "", name), meter, element("span", "", value.toFixed(3)));
  }
  return grid;
}

const ORDERS = {
  low: (a, b) => (a.score ?? 2) - (b.score ?? 2) || a.row - b.row,
  high: (a, b) => (b.score ?? -1) - (a.score ?? -1) || a.row - b.row,
  row: (a, b) => a.row - b.row,
};

// Wires the list up; returns what tells it of a moved threshold.
function answerList(answers, threshold) {
  const find = (id) => document.getElementById(id);
  const [list, more, found] = ["list", "more", "found"].map(find);
  const [search, sort, status] = ["search", "sort", "status"].map(find);
  const haystacks = answers.map((answer) =>
    [answer.prompt, answer.response, answer.reference, answer.explanation, answer.error]
      .concat(answer.alternatives || []).join("\n").toLowerCase());
  const groups = GROUPS.filter(([name]) => !name || answers.some((a) => a.groups.includes(name)));
  const cards = new Map();
  let group = groups[0][0];
  let matches = [];
  let shown = [];

  function cardOf(answer) {
    if (!cards.has(answer)) cards.set(answer, answerCard(answer));
    return cards.get(answer);
  }

  const STATUSES = {
    "": () => true,
    flagged: (answer) => answer.score !== null && answer.score < threshold,
    kept: (answer) => answer.score !== null && answer.score >= threshold,
    wrong: (answer) => answer.label === 0,
    right: (answer) => answer.label === 1,
  };

  // Shows the first so many matches, and touches the page only where they are others.
  function show(size) {
    const wanted = matches.slice(0, size).map(cardOf);
    wanted.forEach((card) => card.flagAt(threshold));
    if (wanted.length !== shown.length || wanted.some((card, k) => card !== shown[k])) {
      list.replaceChildren(...wanted.map((card) => card.item));
    }
    shown = wanted;
    more.hidden = shown.length >= matches.length;
    more.textContent = `Show more (${count(matches.length - shown.length)} left)`;
    const [, title] = groups.find(([name]) => name === group);
    const which = status.value ? `, ${status.selectedOptions[0].text}` : "";
    const words = search.value.trim() ? `, found by “${search.value.trim()}”` : "";
    find("on-paper").textContent =
      `${title}${which}${words}: ${count(shown.length)} of ${count(matches.length)}`;
  }

  function update(size = PAGE_SIZE) {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    matches = answers.filter((answer, index) =>
      (!group || answer.groups.includes(group)) &&
      STATUSES[status.value](answer) &&
      words.every((word) => haystacks[index].includes(word)));
    matches.sort(ORDERS[sort.value]);
    found.textContent = matches.length
      ? answersTold(matches.length)
      : "No answer fits. Try another word, or show every answer.";
    show(size);
  }

  const buttons = groups.map(([name, title, order]) => {
    const button = element("button", "", title);
    const size = name ? answers.filter((a) => a.groups.includes(name)).length : answers.length;
    button.type = "button";
    button.append(element("small", "", count(size)));
    button.setAttribute("aria-pressed", String(name === group));
    button.addEventListener("click", () => {
      group = name;
      sort.value = order;
      for (const each of buttons) each.setAttribute("aria-pressed", String(each === button));
      update();
    });
    return button;
  });
  find("groups").append(...buttons);
  sort.value = groups[0][2];
  search.addEventListener("input", () => update());
  sort.addEventListener("change", () => update());
  status.addEventListener("change", () => update());
  more.addEventListener("click", () => {
    const first = shown.length;
    show(first + PAGE_SIZE);
    shown[first].item.querySelector("summary").focus();
  });
  update();

  return (value) => {
    threshold = value;
    const moved = status.value === "flagged" || status.value === "kept";
    if (moved) update(Math.max(PAGE_SIZE, shown.length));
    else shown.forEach((card) => card.flagAt(threshold));
  };
}
