// The page reads without this: it lets the reader move along the settings, one row of the table each. It stands
// behind the box that it moves, once for each such box.
(box => {
  const slider = box.querySelector("input");
  const rows = [...box.querySelectorAll("tbody tr")], here = box.querySelector(".here");
  const mark = at => box.querySelector(`[data-row="${at}"]`);
  const show = () => {
    const row = rows[slider.value];
    for (const slot of box.querySelectorAll("[data-column]"))
      slot.innerHTML = row.cells[slot.dataset.column].innerHTML;
    for (const other of rows) other.classList.toggle("strong", other === row);
    here.setAttribute("transform", mark(slider.value).getAttribute("transform"));
    slider.setAttribute("aria-valuetext", `${row.cells[0].textContent}, ${row.cells[1].textContent}`);
  };
  slider.addEventListener("input", show);
  rows.forEach((row, at) => [row, mark(at)].forEach(target => target.addEventListener("click", () => {
    slider.value = at;
    show();
  })));
  slider.closest("label").hidden = false;
  show();
})(document.currentScript.previousElementSibling);
