"use strict";

// What every threshold from 0 to 1 gives, in steps of 0.001, from the counts in the page.

const STEPS = 1000;

function running(counts) {
  let sum = 0;
  return counts.map((count) => (sum += count));
}

function thresholdFigures(thresholds) {
  const all = running(thresholds.all);
  const right = running(thresholds.right);
  const wrong = running(thresholds.wrong);
  const last = STEPS + 1;

  // A share with what it is a share of; null where there is nothing to take a share of.
  const share = (hits, trials) => (trials ? { hits, trials, value: hits / trials } : null);

  return function at(step) {
    const flaggedRight = right[step];
    const flaggedWrong = wrong[step];
    const keptRight = right[last] - flaggedRight;
    const keptWrong = wrong[last] - flaggedWrong;
    return {
      flagged: share(all[step], all[last]),
      precision: share(flaggedWrong, flaggedWrong + flaggedRight),
      recall: share(flaggedWrong, wrong[last]),
      kept: share(keptRight, keptRight + keptWrong),
      overall: share(right[last], right[last] + wrong[last]),
    };
  };
}

// Wilson's interval of a share, 95 %.
function interval({ hits, trials }) {
  const z = 1.96;
  const spread = (z * z) / trials;
  const value = hits / trials;
  const middle = (value + spread / 2) / (1 + spread);
  const half =
    (z / (1 + spread)) * Math.sqrt((value * (1 - value)) / trials + spread / (4 * trials));
  return [Math.max(0, middle - half), Math.min(1, middle + half)];
}

const count = (number) => number.toLocaleString("en");
const answersTold = (number) => `${count(number)} ${number === 1 ? "answer" : "answers"}`;
const percent = (value, digits = 1) => `${(100 * value).toFixed(digits)}\u00a0%`;
const thresholdText = (step) => (step / STEPS).toFixed(step % 10 ? 3 : 2);
