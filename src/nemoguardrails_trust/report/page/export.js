"use strict";

// The flagged answers of the page as a CSV file, made here and sent nowhere.

const EXPORTED = ["row", "score", "label", "prompt", "response", "explanation", "reference"];

// Spreadsheets take what begins so for a formula.
const FORMULA = /^[=+\-@\t\r]/;

function csvCell(value) {
  if (value === null || value === undefined) return "";
  if (typeof value === "number") return String(value);
  const text = FORMULA.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function csvOf(answers) {
  const lines = answers.map((answer) => EXPORTED.map((name) => csvCell(answer[name])).join(","));
  return `\uFEFF${[EXPORTED.join(","), ...lines].join("\r\n")}\r\n`;
}

// Wires the button up; returns what tells it of a moved threshold.
function exportButton(answers) {
  const button = document.getElementById("export");
  let flagged = [];
  button.addEventListener("click", () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([csvOf(flagged)], { type: "text/csv" }));
    link.download = "flagged.csv";
    link.click();
    URL.revokeObjectURL(link.href);
  });
  return (threshold) => {
    flagged = answers.filter((answer) => answer.score !== null && answer.score < threshold);
    button.disabled = !flagged.length;
    button.textContent = `Save ${count(flagged.length)} flagged as CSV`;
  };
}
