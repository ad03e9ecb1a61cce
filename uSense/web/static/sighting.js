// The field for a new name is there only while a new name is wanted.
const who = document.getElementById("who");
const name = document.getElementById("name");

function fit() {
  const wanted = who.value === "new";
  name.closest("div").hidden = !wanted;
  name.required = wanted;
}

if (who) {
  who.addEventListener("change", fit);
  fit();
}
