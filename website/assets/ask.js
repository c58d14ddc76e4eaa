// Questions that have one right answer: a reader types or chooses it, and the page says whether it
// is right. A question's folded answer marks it: <data value="14">14</data>, and with the attribute
// data-choices, whose choices have bars between them, where there are some to choose from.
// @ts-check

for (const folded of /** @type {NodeListOf<HTMLDetailsElement>} */ (
  document.querySelectorAll("details:has(data)")
)) {
  const marked = [...folded.querySelectorAll("data")];
  const right = marked.map((one) => one.value).join(" ");
  const { choices } = marked[0].dataset;
  const question = folded.previousElementSibling;
  const form = document.createElement("form");
  form.className = "hub-form";
  const field = document.createElement(choices ? "select" : "input");
  for (const choice of choices ? ["", ...choices.split("|")] : []) {
    field.append(new Option(choice || "Choose", choice));
  }
  field.ariaLabel = `Your answer to: ${question?.textContent}`;
  field.required = true;
  const button = document.createElement("button");
  button.textContent = "Check";
  const verdict = document.createElement("span");
  verdict.setAttribute("role", "status");
  form.append(field, button, verdict);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const fine = isRight(field.value, right);
    verdict.textContent = fine ? "✓ Right." : "✗ Not yet. Try again, or open the answer.";
    if (fine) folded.open = true;
  });
  folded.before(form);
}

/** Compare all numbers in two texts, in their order, or their words where there is none. */
function isRight(/** @type {string} */ answer, /** @type {string} */ right) {
  const wanted = numbersIn(right);
  if (!wanted.length) return answer.trim().toLowerCase() === right.toLowerCase();
  const text = wanted.length === 1 ? answer.replace(",", ".") : answer;
  const given = numbersIn(text);
  return given.length === wanted.length && given.every((one, n) => one === wanted[n]);
}

function numbersIn(/** @type {string} */ text) {
  return (text.match(/[-−]?\d*\.?\d+/g) ?? []).map((one) => Number(one.replace("−", "-")));
}
