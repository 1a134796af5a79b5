// Maps: elevators as circles for the shown box (the register's list), and one point to be set. Needs leaflet.js.
(function () {
  "use strict";
  var SHAPES = {
    ok: '<circle cx="9" cy="9" r="7"/>', near: '<path d="M9 1.5 17 16H1z"/>', over: '<rect x="2" y="2" width="14" height="14"/>',
    suspended: '<rect class="hollow" x="3" y="3" width="12" height="12"/>', notified: '<path d="M9 1l8 8-8 8-8-8z"/>',
    scrapped: '<circle class="hollow" cx="9" cy="9" r="6"/>', unit: '<path d="M3 16V6l6-4 6 4v10z"/>',
    info: '<circle cx="9" cy="9" r="5"/><circle class="hollow" cx="9" cy="9" r="8"/>'
  };
  // A device is a chip with what an elevator of that tone is drawn as in its middle.
  ["ok", "near", "over"].forEach(function (tone) {
    SHAPES["device-" + tone] = '<path class="map-pins" d="M1 6h16M1 12h16M6 1v16M12 1v16"/><rect class="hollow" x="2.5" y="2.5" width="13" height="13" rx="2.5"/><g transform="translate(4.5 4.5) scale(.5)">' + SHAPES[tone] + "</g>";
  });

  function make(tag, name, text) {
    var one = document.createElement(tag);
    if (name) one.className = name;
    if (text) one.textContent = text;
    return one;
  }

  function shape(tone) { return '<svg class="map-spot map-' + tone + '" viewBox="0 0 18 18" aria-hidden="true">' + (SHAPES[tone] || SHAPES.ok) + "</svg>"; }

  // A ring of as many parts as there are kinds, the number in it; a part that is there is never too thin to be seen.
  function ring(one) {
    var size = one.n < 10 ? 34 : one.n < 100 ? 40 : one.n < 1000 ? 46 : 52, r = 15.9155, at = 25, parts = "";
    var least = 5, shares = one.ring.map(function (part) { return Math.max(100 * part[1] / one.n, least); });
    var sum = shares.reduce(function (a, b) { return a + b; }, 0);
    one.ring.forEach(function (part, number) {
      var share = 100 * shares[number] / sum;
      parts += '<circle class="map-arc map-' + part[0] + '" cx="21" cy="21" r="' + r + '" stroke-dasharray="' + share.toFixed(2) + " " + (100 - share).toFixed(2)
        + '" stroke-dashoffset="' + at.toFixed(2) + '"/>';
      at -= share;
    });
    var said = one.n < 10000 ? String(one.n) : (one.n / 1000).toFixed(one.n < 100000 ? 1 : 0) + "k";
    return { size: size, html: '<svg class="map-ring" viewBox="0 0 42 42" aria-hidden="true"><circle class="map-disc" cx="21" cy="21" r="19"/>' + parts
      + '<text x="21" y="25.5">' + said + "</text></svg>" };
  }

  // `beside`: so far up and to the right of its place, where something else is drawn.
  function icon(html, size, name, beside) {
    var off = beside || 0;
    return L.divIcon({ html: html, className: name || "map-icon", iconSize: [size, size], iconAnchor: [size / 2 - off, size / 2 + off] });
  }

  function base(view, start, words) {
    var map = L.map(view, { minZoom: 3, maxZoom: 19, zoomControl: false, attributionControl: false, zoomAnimation: !matchMedia("(prefers-reduced-motion: reduce)").matches });
    L.control.zoom({ zoomInTitle: words.closer, zoomOutTitle: words.further }).addTo(map);
    L.control.scale({ imperial: false, maxWidth: 120 }).addTo(map);
    if (start.tiles) {
      L.tileLayer(start.tiles, { maxZoom: 19, maxNativeZoom: start.most, subdomains: start.subdomains }).addTo(map);
      if (start.attribution) L.control.attribution({ prefix: false }).addAttribution(make("span", "", start.attribution).innerHTML).addTo(map);
    } else {
      var Grid = L.GridLayer.extend({ createTile: function () { return make("div", "map-grid"); } });
      new Grid({ tileSize: 128 }).addTo(map);
    }
    return map;
  }

  function get(address, done, failed, stop) {
    fetch(address, { credentials: "same-origin", headers: { Accept: "application/json" }, signal: stop })
      .then(function (answer) {
        if (answer.redirected) { location.reload(); return null; }
        if (!answer.ok) throw new Error(String(answer.status));
        return answer.json();
      })
      .then(function (found) { if (found) done(found); })
      .catch(function (error) { if (error.name !== "AbortError") failed(); });
  }

  // --- all elevators

  function register(root) {
    var start = JSON.parse(root.dataset.map), words = JSON.parse(root.dataset.words), $ = function (name) { return root.querySelector("[data-" + name + "]"); };
    root.classList.add("is-live");
    var map = base($("view"), start, words), drawn = L.layerGroup().addTo(map), named = L.layerGroup().addTo(map), extra = {}, running = null, waiting = 0;

    function box() {
      var b = map.getBounds();
      // The earth turns: what a map shows to the left of its edge is asked for at the other one.
      return [Math.max(b.getSouth(), -89), Math.max(b.getWest(), -180), Math.min(b.getNorth(), 89), Math.min(b.getEast(), 180)].map(function (n) { return n.toFixed(6); }).join(",");
    }
    function address(path, more) { return root.dataset.address + path + "?" + (start.query ? start.query + "&" : "") + more; }
    function failed() { $("said").textContent = words.failed; $("said").classList.add("ta-over"); }

    function open(one) {
      var at = L.latLng(one.at);
      var list = make("ol", "map-few"), frame = make("div");
      frame.append(make("b", "", one.title), list);
      list.append(make("li", "ta-mut", words.loading));
      L.popup({ maxHeight: 260, minWidth: 210, maxWidth: 280 }).setLatLng(at).setContent(frame).openOn(map);
      get(address("/rows", "box=" + one.box), function (found) {
        list.replaceChildren.apply(list, found.rows.map(entry));
        if (found.more) frame.append(make("p", "ta-mut", found.more));
        var first = list.querySelector("a");
        if (first) first.focus({ preventScroll: true });
      }, function () { list.replaceChildren(make("li", "ta-over", words.failed)); });
    }

    function choose(one) {
      if (one.link) { alone(one); return; }
      var bounds = L.latLngBounds(one.fit), zoom = map.getZoom();
      var apart = map.distance(bounds.getSouthWest(), bounds.getNorthEast());
      if (apart < 25 || zoom >= map.getMaxZoom()) { open(one); return; }
      map.setView(bounds.getCenter(), Math.min(map.getMaxZoom(), Math.max(zoom + 1, map.getBoundsZoom(bounds, false, [60, 60]))));
    }

    function alone(one) {
      var frame = make("div", "map-few");
      frame.append(entry(one, "div"));
      L.popup({ minWidth: 210, maxWidth: 280 }).setLatLng(L.latLng(one.at)).setContent(frame).openOn(map);
    }

    // A line of the list beside the map, and of a circle's own list.
    function entry(one, tag) {
      var item = make(typeof tag === "string" ? tag : "li"), to = make(one.link ? "a" : "button", "map-row");
      if (one.link) to.href = one.link; else { to.type = "button"; to.addEventListener("click", function () { choose(one); $("view").scrollIntoView({ block: "nearest" }); }); }
      var mark = document.createElement("template");
      mark.innerHTML = one.ring ? shape(one.ring[0][0]) : shape(one.tone);
      to.prepend(mark.content);
      var said = make("span");
      said.append(make("b", "", one.title), make("small", "", one.text));
      if (one.state) said.append(make("small", "map-state-" + one.tone, one.state));
      to.append(said);
      item.append(to);
      return item;
    }

    function draw(found) {
      drawn.clearLayers(); named.clearLayers();
      $("said").classList.remove("ta-over");
      $("said").textContent = found.said;
      $("list").replaceChildren.apply($("list"), found.drawn.map(entry));
      $("none").hidden = found.drawn.length > 0;
      found.drawn.forEach(function (one) {
        var made = one.ring ? ring(one) : { size: 18, html: shape(one.tone) };
        var marker = L.marker(one.at, { icon: icon(made.html, made.size), keyboard: false, zIndexOffset: one.ring ? 0 : 500 });
        marker.bindTooltip(make("span", "", one.title + "　" + (one.state || one.text)), { direction: "top", offset: [0, -made.size / 2] });
        marker.on("click", function () { choose(one); });
        drawn.addLayer(marker);
      });
      var told = [];
      found.labels.sort(function (a, b) { return b.n - a.n; }).forEach(function (one) {
        // Of two names that would cover each other the one of more elevators is told.
        var at = map.latLngToLayerPoint(one.at);
        if (told.some(function (other) { return Math.abs(other.x - at.x) < 72 && Math.abs(other.y - at.y) < 20; })) return;
        told.push(at);
        named.addLayer(L.marker(one.at, { icon: L.divIcon({ html: make("span", "", one.name).outerHTML, className: "map-name", iconSize: [0, 0] }), interactive: false, keyboard: false, zIndexOffset: -500 }));
      });
    }

    function load() {
      if (running) running.abort();
      running = new AbortController();
      get(address("/seen", "zoom=" + map.getZoom() + "&box=" + box()), draw, failed, running.signal);
      Object.keys(extra).forEach(bring);
    }

    function bring(name) {
      get(root.dataset.address + "/layer/" + name + "?box=" + box(), function (found) {
        var held = extra[name];
        if (!held) return;
        held.group.clearLayers();
        held.list.replaceChildren.apply(held.list, found.spots.map(function (one) { return entry(Object.assign({ tone: held.tone, state: "" }, one)); }));
        held.title.hidden = !found.spots.length;
        $("rest").hidden = !$("extra").querySelector("h2:not([hidden])");
        found.spots.forEach(function (one) {
          var told = Object.assign({ tone: held.tone, state: "" }, one), made = one.ring ? ring(one) : { size: 22, html: shape(told.tone) };
          var marker = L.marker(one.at, { icon: icon(made.html, made.size, "map-icon map-extra" + (held.live && !one.tone && !one.ring ? " is-live" : ""), one.ring ? 20 : one.tone ? 12 : 0), keyboard: false, zIndexOffset: 1000 });
          marker.bindTooltip(make("span", "", one.title + "　" + one.text), { direction: "top", offset: [0, -9] });
          marker.on("click", function () { choose(told); });
          held.group.addLayer(marker);
        });
      }, failed);
    }

    root.querySelectorAll("[data-layer]").forEach(function (choice) {
      var name = choice.value, live = choice.dataset.live === "1";
      function turn() {
        if (choice.checked) {
          var title = make("h2", "", choice.dataset.label), list = make("ol", "map-list");
          title.hidden = true;
          $("extra").append(title, list);
          extra[name] = { group: L.layerGroup().addTo(map), list: list, title: title, tone: choice.dataset.tone, live: live };
          bring(name);
        } else if (extra[name]) {
          extra[name].group.remove(); extra[name].list.remove(); extra[name].title.remove();
          delete extra[name];
          $("rest").hidden = !$("extra").querySelector("h2:not([hidden])");
        }
      }
      choice.addEventListener("change", turn);
      if (choice.checked) map.whenReady(turn);
    });

    // Beside the buttons of the zoom and above the scale: below a circle stands the name of its place.
    function all() { map.fitBounds([start.south_west, start.north_east], { maxZoom: 16, paddingTopLeft: [48, 30], paddingBottomRight: [36, 72] }); }
    $("all").addEventListener("click", all);
    map.on("moveend", function () {
      clearTimeout(waiting);
      waiting = setTimeout(load, 120);
      var at = map.getCenter();
      history.replaceState(null, "", "#" + [map.getZoom(), at.lat.toFixed(5), at.lng.toFixed(5)].join("/"));
    });
    setInterval(function () {
      // A page that nobody sees asks for nothing.
      if (!document.hidden) Object.keys(extra).forEach(function (name) { if (extra[name].live) bring(name); });
    }, start.seconds * 1000);
    var kept = /^#(\d+)\/(-?[\d.]+)\/(-?[\d.]+)$/.exec(location.hash);
    if (kept) map.setView([+kept[2], +kept[3]], +kept[1]);
    else all();
  }

  // --- one point

  function pick(root) {
    var start = JSON.parse(root.dataset.pick), words = JSON.parse(root.dataset.words), view = root.querySelector("[data-view]"), fold = root.closest("[data-pick-fold]");
    root.hidden = false;
    var form = root.closest("form"), map = null, point = null, said = root.querySelector("[data-pick-said]");
    var north = form.querySelector("[data-map-latitude]"), east = form.querySelector("[data-map-longitude]"), drawn = form.querySelector("[data-map-drawn]");
    function show(at) {
      if (point) point.setLatLng(at);
      else point = L.marker(at, { icon: icon(shape("ok"), 22), draggable: true, keyboard: false, zIndexOffset: 1000 }).addTo(map).on("dragend", function () { set(point.getLatLng()); });
    }
    function set(at) {
      at = at.wrap();
      show(at);
      // A map of other coordinates than the register's: its point goes as it is drawn, and is shifted where it arrives.
      north.value = start.shifted ? "" : at.lat.toFixed(6); east.value = start.shifted ? "" : at.lng.toFixed(6);
      drawn.value = at.lat.toFixed(7) + "," + at.lng.toFixed(7);
      said.textContent = start.shifted ? words.drawn : words.set.replace("{n}", north.value).replace("{e}", east.value);
    }
    function typed() {
      // Typed numbers are the register's own coordinates.
      drawn.value = ""; said.textContent = "";
      if (!map) return;
      var at = [north.value, east.value].map(function (text) { return text.trim() === "" ? NaN : Number(text); });
      var real = Math.abs(at[0]) <= 90 && Math.abs(at[1]) <= 180;
      if (real && !start.shifted) { show(at); map.panTo(at); }
      else if (point) { point.remove(); point = null; }
    }
    function draw() {
      if (map) return;
      map = base(view, start, words);
      (start.others || []).forEach(function (one) {
        L.marker(one.at, { icon: icon(shape(one.tone), 14), interactive: true, keyboard: false }).bindTooltip(make("span", "", one.title)).addTo(map);
      });
      var at = start.at;
      // What was typed before the map was opened.
      if (!start.shifted && north.value.trim() && east.value.trim() && isFinite(north.value) && isFinite(east.value)) at = [+north.value, +east.value];
      if (at && Math.abs(at[0]) <= 90 && Math.abs(at[1]) <= 180) { show(at); map.setView(at, 17); } else map.setView(start.middle, start.zoom);
      map.on("click", function (event) { set(event.latlng); });
      view.addEventListener("keydown", function (event) {
        if (event.target !== view || (event.key !== "Enter" && event.key !== " ")) return;
        event.preventDefault();
        set(map.getCenter());
      });
      root.querySelector("[data-pick-centre]").addEventListener("click", function () { set(map.getCenter()); });
    }
    [north, east].forEach(function (field) { field.addEventListener("input", typed); });
    if (!fold) { draw(); return; }
    fold.hidden = false;
    fold.addEventListener("toggle", function () { if (fold.open) draw(); });
  }

  document.querySelectorAll("[data-map]").forEach(register);
  document.querySelectorAll("[data-pick]").forEach(pick);
})();
