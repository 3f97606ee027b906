
(() => {
  const table = document.getElementById("rows");
  if (!table) return;
  const rows = [...table.tBodies[0].rows];
  const filter = document.getElementById("filter");
  const clear = document.getElementById("clear");
  const count = document.getElementById("count");
  let pair = null;
  const texts = rows.map((row) => row.textContent.toLowerCase());
  const show = () => {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    rows.forEach((row, k) => {
      const fits = words.every((word) => texts[k].includes(word)) &&
        (!pair || (row.dataset.from === pair[0] && row.dataset.to === pair[1]));
      row.hidden = !fits;
      shown += fits;
    });
    count.textContent = `${shown} ${count.dataset.word} ${rows.length}`;
    clear.hidden = !pair;
    if (pair) clear.textContent = `${pair[0]} → ${pair[1]} ×`;
  };
  filter.addEventListener("input", show);
  clear.addEventListener("click", () => { pair = null; show(); });
  document.querySelectorAll(".confusion button").forEach((cell) => cell.addEventListener("click", () => {
    pair = [cell.dataset.from, cell.dataset.to];
    show();
    document.getElementById("errors").scrollIntoView({ behavior: "smooth" });
  }));
  show();
})();
