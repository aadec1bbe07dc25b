"use strict";

// The figures of each group at the threshold.

function allBins(filled) {
  const bins = new Array(STEPS + 2).fill(0);
  for (const [bin, n] of filled) bins[bin] = n;
  return bins;
}

// Wires the table up; returns what tells it of a moved threshold.
function groupTable(groups, labelled) {
  const table = document.getElementById("group-table");
  if (!table) return () => {};
  const shares = labelled ? ["flagged", "overall", "kept", "recall"] : ["flagged"];
  const rows = groups.map((group) => {
    const bins = Object.fromEntries(
      Object.entries(group.thresholds).map(([name, filled]) => [name, allBins(filled)]));
    const row = element("tr");
    const name = foreignText("th", "", group.name);
    name.scope = "row";
    const mean = group.mean === null ? "–" : group.mean.toFixed(2);
    const cells = shares.map(() => element("td"));
    row.append(name, element("td", "", count(group.rows)), element("td", "", mean), ...cells);
    if (labelled) row.append(element("td", "", group.auroc === null ? "–" : group.auroc.toFixed(3)));
    return { row, cells, at: thresholdFigures(bins) };
  });
  table.querySelector("tbody").append(...rows.map(({ row }) => row));
  return (step) => {
    for (const { cells, at: figuresAt } of rows) {
      const figures = figuresAt(step);
      shares.forEach((key, k) => {
        cells[k].textContent = figures[key] ? percent(figures[key].value) : "–";
      });
    }
  };
}
