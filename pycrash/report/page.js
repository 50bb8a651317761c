"use strict";
(() => {
  const wanted = document.getElementById("wanted");
  const found = document.getElementById("found");
  const sections = [...document.querySelectorAll("section")].map((section) => ({
    section,
    figures: [...section.querySelectorAll("figure")],
    units: [...section.querySelectorAll(".u")].map((unit) => [unit, null, unit.open]),
  }));
  let timer = 0;

  function search() {
    const words = wanted.value.toLowerCase().split(/\s+/).filter(Boolean);
    let hits = 0;
    for (const { section, figures, units } of sections) {
      let here = 0;
      for (const entry of units) {
        const unit = entry[0];
        if (entry[1] === null && words.length) entry[1] = unit.textContent.toLowerCase();
        const hit = words.every((word) => entry[1].includes(word));
        unit.classList.toggle("miss", !hit);
        if (unit.tagName === "DETAILS") unit.open = words.length ? hit : entry[2];
        here += hit;
      }
      for (const figure of figures) figure.classList.toggle("miss", words.length > 0);
      section.classList.toggle("miss", words.length > 0 && here === 0);
      hits += here;
    }
    found.textContent = words.length ? `${hits} ${hits === 1 ? "hit" : "hits"}` : "";
  }

  wanted.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(search, 120);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && document.activeElement !== wanted) {
      event.preventDefault();
      wanted.focus();
    }
  });
  document.getElementById("finder").hidden = false;
})();
