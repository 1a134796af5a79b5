// The wall's page: brings its content anew every so often, without losing the full screen, and says when it can't.
(function () {
  "use strict";
  var seconds = Number(document.getElementById("cockpit").dataset.seconds);

  function label() {
    var button = document.querySelector("[data-full]");
    if (!button) return;
    button.dataset.enter = button.dataset.enter || button.textContent;
    button.textContent = document.fullscreenElement ? button.dataset.leave : button.dataset.enter;
  }

  function stale(isStale) {
    document.querySelector("[data-state]").hidden = isStale;
    document.querySelector("[data-stale]").hidden = !isStale;
  }

  function bring() {
    // A page that nobody sees asks for nothing.
    if (document.hidden) return;
    fetch(location.href, { credentials: "same-origin", headers: { Accept: "text/html" } })
      .then(function (answer) {
        // Signed out elsewhere: the sign-in page takes the place of numbers that may be old.
        if (answer.redirected) { location.reload(); return ""; }
        if (!answer.ok) throw new Error(String(answer.status));
        return answer.text();
      })
      .then(function (text) {
        if (!text) return;
        var fresh = new DOMParser().parseFromString(text, "text/html").getElementById("cockpit");
        if (!fresh) throw new Error("no page");
        var held = document.activeElement && document.activeElement.getAttribute("href");
        document.getElementById("cockpit").innerHTML = fresh.innerHTML;
        var again = held && document.querySelector('#cockpit [href="' + CSS.escape(held) + '"]');
        if (again) again.focus();
        label();
      })
      .catch(function () { stale(true); });
  }

  document.addEventListener("click", function (event) {
    if (!event.target.closest || !event.target.closest("[data-full]")) return;
    if (document.fullscreenElement) document.exitFullscreen();
    else document.documentElement.requestFullscreen();
  });
  document.addEventListener("fullscreenchange", label);
  document.addEventListener("visibilitychange", bring);
  setInterval(bring, seconds * 1000);
  label();
})();
