/* Progress of jobs: asks each element's data-job address every second or two while it runs. */
(() => {
  "use strict";
  const TONES = { done: "ta-pill--ok", failed: "ta-pill--over", running: "ta-pill--accent" };
  const part = (box, name) => box.querySelector(`[data-part="${name}"]`);

  function show(box, job) {
    const label = part(box, "label"), bar = part(box, "bar"), message = part(box, "message");
    label.textContent = job.label;
    label.className = `ta-pill ${TONES[job.state] || ""}`;
    bar.firstElementChild.style.setProperty("--v", `${job.percent || 0}%`);
    if (job.percent !== null) bar.setAttribute("aria-valuenow", job.percent);
    const counted = job.total ? ` ${job.done.toLocaleString()} / ${job.total.toLocaleString()}` : "";
    message.textContent = job.error || (job.message || "") + counted;
  }

  async function watch(box) {
    let wait = 1000;
    for (;;) {
      await new Promise((go) => setTimeout(go, wait));
      if (document.hidden) continue;
      try {
        const answer = await fetch(box.dataset.job, { headers: { Accept: "application/json" }, cache: "no-store" });
        if (!answer.ok) return;
        const job = await answer.json();
        show(box, job);
        if (job.over) {
          // The page made by the server has the result, the file and the way to retry.
          location.reload();
          return;
        }
        wait = 1500;
      } catch {
        wait = Math.min(wait * 2, 30000); // the network is away for a moment
      }
    }
  }
  document.querySelectorAll("[data-job]").forEach(watch);
})();
