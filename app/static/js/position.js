// Readings beside an elevator: the phone tells its place again and again, the server puts them together.
(function () {
  "use strict";
  var form = document.querySelector("[data-readings]");
  if (!form) return;
  var $ = function (name) { return form.querySelector("[data-" + name + "]"); };
  var said = $("said"), button = $("read"), SECONDS = 20, MOST = 60, watch = null, timer = 0, began = 0, taken = [];

  function show() {
    var best = taken.reduce(function (least, one) { return Math.min(least, one[2]); }, Infinity);
    said.textContent = taken.length ? said.dataset.count.replace("{n}", taken.length).replace("{a}", Math.round(best)) : said.dataset.none;
    $("samples").value = taken.map(function (one) { return one[0].toFixed(7) + "," + one[1].toFixed(7) + "," + one[2].toFixed(1); }).join(";");
  }
  function stop() {
    if (watch !== null) navigator.geolocation.clearWatch(watch);
    watch = null; clearInterval(timer);
    $("bar").style.setProperty("--v", "100%");
    button.textContent = button.dataset.again; button.disabled = false;
  }
  function start() {
    if (!navigator.geolocation) { said.textContent = said.dataset.off; return; }
    taken = []; began = Date.now(); button.disabled = true; show();
    watch = navigator.geolocation.watchPosition(function (place) {
      taken.push([place.coords.latitude, place.coords.longitude, place.coords.accuracy]);
      show();
      if (taken.length >= MOST) stop();
    }, function () { if (!taken.length) { stop(); said.textContent = said.dataset.off; } }, { enableHighAccuracy: true, timeout: 15000, maximumAge: 0 });
    timer = setInterval(function () {
      var spent = (Date.now() - began) / 1000;
      $("bar").style.setProperty("--v", Math.min(100, 100 * spent / SECONDS) + "%");
      // A receiver that stands still tells its place once: asked again, it tells it again.
      if (taken.length && taken.length < form.dataset.least) navigator.geolocation.getCurrentPosition(function (place) {
        taken.push([place.coords.latitude, place.coords.longitude, place.coords.accuracy]); show();
      }, function () {}, { enableHighAccuracy: true, maximumAge: 0, timeout: 5000 });
      if (spent >= SECONDS) stop();
    }, 1000);
  }
  button.addEventListener("click", start);
  form.addEventListener("submit", function () { if (watch !== null) stop(); });
})();
