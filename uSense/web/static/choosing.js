// How many are chosen, all of them by one box, and no button without a choice.
const form = document.getElementById("chosen");
const boxes = form ? [...form.querySelectorAll("input[name=visitor]")] : [];

if (boxes.length) {
  const all = form.querySelector(".all");
  const count = form.querySelector(".count");
  const nothing = count.textContent;
  const show = () => {
    const chosen = boxes.filter((box) => box.checked).length;
    all.querySelector("input").checked = chosen === boxes.length;
    count.textContent = chosen ? count.dataset.text.replace("{count}", chosen) : nothing;
    for (const button of form.querySelectorAll("button[name=action]")) button.disabled = chosen < (button.value === "merge" ? 2 : 1);
  };
  all.hidden = false;
  all.addEventListener("change", (event) => {
    for (const box of boxes) box.checked = event.target.checked;
    show();
  });
  form.addEventListener("change", show);
  window.addEventListener("pageshow", show);
  show();
}
