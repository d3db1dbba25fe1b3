"use strict";
(() => {
  const form = document.querySelector("form"), field = form.q, results = document.getElementById("results");
  let number = 0, running = null, waiting = 0;
  document.body.classList.add("script");
  const address = (more) => {
    const fields = new URLSearchParams();
    for (const [name, value] of new FormData(form)) if (value) fields.set(name, value);
    if (more) for (const [name, value] of Object.entries(more)) fields.set(name, value);
    return fields.size ? "/?" + fields : "/";
  };
  const search = async () => {
    const own = ++number, page = address();
    if (running) running.abort();
    running = new AbortController();
    try {
      const answer = await fetch(address({part: "results"}), {signal: running.signal});
      const html = await answer.text();
      if (own !== number) return;
      results.innerHTML = html;
      history.replaceState(null, "", page);
      document.title = field.value.trim() ? field.value.trim() + " – semsearch" : "semsearch";
    } catch (error) {
      if (error.name === "AbortError" || own !== number) return;
      const told = document.createElement("p");
      told.className = "error";
      told.setAttribute("role", "alert");
      told.textContent = "The server does not answer. Is it still running?";
      results.replaceChildren(told);
    }
  };
  const soon = () => { clearTimeout(waiting); waiting = setTimeout(search, 90); };
  form.addEventListener("input", soon);
  form.addEventListener("change", search);
  form.addEventListener("submit", (event) => { event.preventDefault(); clearTimeout(waiting); search(); });
  const hits = () => [...results.querySelectorAll(".hits a.open")];
  const move = (step) => {
    const all = hits(), at = all.indexOf(document.activeElement);
    if (at + step < 0) { field.focus(); return true; }
    const next = all[at + step];
    if (next) { next.focus(); next.closest("li").scrollIntoView({block: "nearest"}); }
    return Boolean(next);
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const typing = event.target.matches("input:not([type=radio]),select"), inField = event.target === field;
    if (event.key === "/" && !typing) { field.focus(); field.select(); event.preventDefault(); }
    else if (event.key === "ArrowDown" && (inField || !typing)) { if (move(1)) event.preventDefault(); }
    else if (event.key === "ArrowUp" && (inField || !typing)) { if (!inField && move(-1)) event.preventDefault(); }
    else if (event.key === "Enter" && inField) { clearTimeout(waiting); search(); event.preventDefault(); }
    else if (event.key === "Escape") {
      if (document.body.dataset.view === "document") history.length > 1 ? history.back() : location.assign("/");
      else if (inField && field.value) { field.value = ""; search(); event.preventDefault(); }
      else { field.focus(); event.preventDefault(); }
    }
  });
})();
