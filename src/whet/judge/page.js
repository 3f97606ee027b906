(() => {
  const start = (box) => {
    const rows = [...box.querySelector("table").tBodies[0].rows];
    const [filter, clear, count] = ["input", ".clear", "output"].map((name) => box.querySelector(name));
    const texts = rows.map((row) => row.textContent.toLowerCase());
    let pair = null;
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
    clear.addEventListener("click", () => { pair = null; show(); filter.focus(); });
    show();
    return (wanted) => { pair = wanted; show(); };
  };
  const boxes = new Map([...document.querySelectorAll(".filtered")].map((box) => [box.closest("section").id, start(box)]));
  document.querySelectorAll(".confusion button").forEach((cell) => cell.addEventListener("click", () => {
    const choose = boxes.get("errors");
    if (!choose) return;
    choose([cell.dataset.from, cell.dataset.to]);
    document.getElementById("errors").scrollIntoView();
    document.getElementById("clear").focus({ preventScroll: true });
  }));
})();
