// The phone pages: position, running time, items, signature, camera. Forms work without it but for the position.
(function () {
  "use strict";
  var $ = function (s, root) { return (root || document).querySelector(s); };
  var all = function (s, root) { return Array.prototype.slice.call((root || document).querySelectorAll(s)); };
  var two = function (n) { return (n < 10 ? "0" : "") + n; };
  var text = function (s) { return Math.floor(s / 60) + ":" + two(Math.floor(s % 60)); };

  // Time spent and time still to go, ticking from what the server counted.
  function running(box) {
    var began = Date.now() - box.dataset.running * 1000, least = +box.dataset.least;
    var told = $("[data-left]", box);
    var tick = function () {
      var spent = (Date.now() - began) / 1000, left = Math.ceil(least - spent);
      $("[data-clock]", box).textContent = text(spent);
      told.textContent = left > 0 ? told.dataset.left + " " + text(left) : told.dataset.ready;
      var bar = $(".ta-bar > *", box); if (bar) bar.style.setProperty("--v", (least ? Math.min(100, 100 * spent / least) : 100) + "%");
    };
    tick(); setInterval(tick, 1000);
  }
  all("[data-running]").forEach(running);

  // A rescue's forms carry the phone's clock and, where it is known, its place; nobody waits for either.
  if ($("[data-phone-clock]")) {
    document.addEventListener("submit", function (e) {
      var at = $("[data-phone-clock]", e.target); if (at) at.value = new Date().toISOString();
    }, true);
    if (navigator.geolocation) navigator.geolocation.getCurrentPosition(function (p) {
      all("[data-phone-latitude]").forEach(function (f) { f.value = p.coords.latitude; });
      all("[data-phone-longitude]").forEach(function (f) { f.value = p.coords.longitude; });
    }, function () {}, { timeout: 10000, maximumAge: 60000 });
  }

  // The position goes into the form; a check page is asked for again with it, so that all conditions are judged.
  var form = $("form[data-locate]");
  function locate(done) {
    var note = $("[data-locating]"); if (note) note.hidden = false;
    var end = function (place) { if (note) note.hidden = true; done(place); };
    if (!navigator.geolocation) { end(null); return; }
    navigator.geolocation.getCurrentPosition(
      function (p) { end(p.coords); }, function () { end(null); }, { enableHighAccuracy: true, timeout: 10000, maximumAge: 15000 });
  }
  if (form) {
    var put = function (place) {
      if (!place) return;
      $("[data-latitude]", form).value = place.latitude; $("[data-longitude]", form).value = place.longitude;
      form.dataset.accuracy = place.accuracy;
    };
    var gate = $("[data-gate]");
    var again = function (place) {
      if (!place || !gate) return;
      var url = location.pathname + "?latitude=" + place.latitude + "&longitude=" + place.longitude;
      fetch(url, { headers: { Accept: "text/html" } }).then(function (r) { return r.text(); }).then(function (page) {
        var fresh = new DOMParser().parseFromString(page, "text/html").querySelector("[data-gate]");
        if (fresh) gate.innerHTML = fresh.innerHTML;
        // Refused, 签到 is no longer the thing to press.
        var go = $("[data-checkin]"); if (go) go.classList.toggle("ta-glove--main", !$(".fd-refused", gate));
      });
    };
    locate(function (place) { put(place); if (form.dataset.locate === "ask") again(place); });
    all("[data-relocate]").forEach(function (b) { b.addEventListener("click", function () { locate(function (place) { put(place); again(place); }); }); });
    form.addEventListener("submit", function (e) {
      if (form.dataset.located || $("[data-latitude]", form).value) return;
      e.preventDefault(); e.stopPropagation();
      locate(function (place) {
        put(place);
        form.dataset.located = "1"; delete form.dataset.sent; form.requestSubmit();
      });
    }, true);
  }

  // Pages with several small forms: each takes the position with it when it is sent.
  all("form[data-place]").forEach(function (one) {
    one.addEventListener("submit", function (e) {
      if (one.dataset.located) return;
      var pressed = e.submitter;
      e.preventDefault(); e.stopPropagation();
      locate(function (place) {
        if (place) { $("[data-latitude]", one).value = place.latitude; $("[data-longitude]", one).value = place.longitude; }
        one.dataset.located = "1"; delete one.dataset.sent; one.requestSubmit(pressed);
      });
    }, true);
  });

  // What is written in such a form stays on the phone until the page comes without it.
  all("form[data-keep]").forEach(function (one) {
    var key = "ta-keep-" + one.dataset.keep, fields = all('input:not([type="hidden"]):not([type="file"]), textarea', one);
    try {
      var kept = JSON.parse(localStorage.getItem(key) || "null");
      if (kept) fields.forEach(function (f) { if (!f.value && kept[f.name]) f.value = kept[f.name]; });
    } catch (e) { /* an unreadable draft is no draft */ }
    one.addEventListener("input", function () {
      var now = {}; fields.forEach(function (f) { now[f.name] = f.value; });
      try { localStorage.setItem(key, JSON.stringify(now)); } catch (e) { /* no room: the form itself still holds it */ }
    });
  });
  all("[data-kept]").forEach(function (done) {
    try { localStorage.removeItem("ta-keep-" + done.dataset.kept); } catch (e) { /* nothing kept */ }
  });

  // Check-out: modes, items, "the rest is fine".
  function sheet(out) {
    var paint = function () {
      var mode = ($('input[name="mode"]:checked', out) || {}).value;
      all("[data-mode]", out).forEach(function (s) { s.hidden = s.dataset.mode !== mode; });
      var filled = 0;
      all("[data-item]", out).forEach(function (item) {
        var chosen = $("input:checked", item);
        item.classList.toggle("is-na", !!chosen && chosen.value === "na"); if (chosen) filled++;
        // A reason that is asked for, a repair, and what was written already stand open; a remark else is a tap away.
        var why = $(".fd-why", item);
        if (why && ((chosen && chosen.value !== "ok") || $("input", why).value)) why.open = true;
      });
      var count = $("[data-filled]", out); if (count) count.textContent = filled;
    };
    out.addEventListener("change", paint);
    out.addEventListener("ta-filled", paint);
    var rest = $("[data-all-ok]", out);
    // A number that was typed wants a photo of the label, what a scan put there wants none.
    var typed = $("[data-typed]", out), code = $('[name="code"]', out);
    var plain = function (text) { return text.trim().replace(/\/+$/, "").split("/").pop().normalize("NFKC").toUpperCase().replace(/\s/g, ""); };
    var ask = function () { if (typed) typed.hidden = plain(code.value) !== plain(typed.dataset.typed || ""); };
    ["input", "change", "ta-filled"].forEach(function (name) { out.addEventListener(name, ask); });
    ask();
    if (rest) rest.addEventListener("click", function () {
      all("[data-item]", out).forEach(function (item) { if (!$("input:checked", item)) $('input[value="ok"]', item).checked = true; });
      out.dispatchEvent(new Event("change", { bubbles: true }));
    });
    paint();
  }
  var out = $("#out");
  if (out) sheet(out);

  // A signature drawn with the finger.
  function sign(root) {
    var pad = $("[data-sign]", root);
    if (!pad) return;
    var ink = pad.getContext("2d"), hidden = $('input[name="signature"]', root), drawing = false;
    ink.lineWidth = 4; ink.lineCap = "round"; ink.lineJoin = "round"; ink.strokeStyle = "#16222d";
    var show = function () {
      if (!hidden.value) return;
      var old = new Image(); old.onload = function () { ink.drawImage(old, 0, 0); }; old.src = hidden.value;
    };
    show(); hidden.addEventListener("ta-filled", show);
    var at = function (e) { var r = pad.getBoundingClientRect(); return [(e.clientX - r.left) * pad.width / r.width, (e.clientY - r.top) * pad.height / r.height]; };
    pad.addEventListener("pointerdown", function (e) { drawing = true; pad.setPointerCapture(e.pointerId); var p = at(e); ink.beginPath(); ink.moveTo(p[0], p[1]); });
    pad.addEventListener("pointermove", function (e) { if (!drawing) return; var p = at(e); ink.lineTo(p[0], p[1]); ink.stroke(); });
    var stop = function () { if (!drawing) return; drawing = false; hidden.value = pad.toDataURL("image/png"); hidden.dispatchEvent(new Event("input", { bubbles: true })); };
    pad.addEventListener("pointerup", stop); pad.addEventListener("pointercancel", stop);
    $("[data-sign-clear]", root).addEventListener("click", function () { ink.clearRect(0, 0, pad.width, pad.height); hidden.value = ""; hidden.dispatchEvent(new Event("input", { bubbles: true })); });
  }
  sign(document);

  // The camera, offered where the browser reads codes itself; one that has the word and no reader behind it says so.
  function camera(root, found) {
    var start = $("[data-camera-start]", root), none = $("[data-camera-none]", root), refused = $("[data-camera-refused]", root);
    var box = $("[data-camera]", root), read = $("[data-camera-read]", root), Reader = window.BarcodeDetector;
    if (!start) return;
    var cannot = function () { start.hidden = true; shoot(root, found, read, none); };
    if (!Reader || !navigator.mediaDevices) { cannot(); return; }
    Reader.getSupportedFormats().then(function (formats) {
      if (formats.indexOf("qr_code") < 0) cannot(); else start.hidden = false;
    }).catch(cannot);
    // One opening of the camera: what comes back of an earlier one counts no more.
    var stream = null, turn = 0;
    var close = function () {
      turn++; box.hidden = true; start.hidden = false;
      if (stream) stream.getTracks().forEach(function (t) { t.stop(); });
      stream = null;
    };
    start.addEventListener("click", function () {
      var mine = ++turn, video = $("video", box), failed = 0;
      start.hidden = true; refused.hidden = true; if (read) read.hidden = true;
      navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } }).then(function (opened) {
        if (mine !== turn) { opened.getTracks().forEach(function (t) { t.stop(); }); return; }
        stream = opened; box.hidden = false; video.srcObject = opened;
        var detector = new Reader({ formats: ["qr_code"] });
        var look = function () {
          if (mine !== turn) return;
          detector.detect(video).then(function (codes) {
            failed = 0;
            if (mine !== turn) return;
            if (!codes.length || !codes[0].rawValue) { setTimeout(look, 300); return; }
            close(); if (read) read.hidden = false;
            found(codes[0].rawValue);
          }).catch(function () {
            // A frame may fail; a reader that always does is none.
            if (mine === turn && ++failed < 10) setTimeout(look, 300);
            else if (mine === turn) { close(); cannot(); }
          });
        };
        // Only a picture can be read: of what is not there yet the reader says that it failed.
        return video.play().then(look);
      }).catch(function () {
        if (mine !== turn) return;
        close(); refused.hidden = false;
        var typed = $("#code", root); if (typed) typed.focus();
      });
    });
    $("[data-camera-stop]", box).addEventListener("click", close);
    var field = read && $("#code", root);
    if (field) field.addEventListener("input", function (e) { if (e.isTrusted) read.hidden = true; });
    addEventListener("pagehide", close);
  }
  // Where the browser reads no code: a picture of the label, made small here and read by this server. The page that works
  // without a line has no token, and then there is nobody to ask.
  function shoot(root, found, read, none) {
    var label = $("[data-camera-photo]", root), reading = $("[data-camera-reading]", root), unread = $("[data-camera-unread]", root);
    var token = $('meta[name="csrf-token"]'), input = label && $("input", label);
    if (!label || !token || !token.content) { none.hidden = false; return; }
    label.hidden = false;
    var tell = function (words) { reading.hidden = true; unread.textContent = words || unread.dataset.lost; unread.hidden = false; };
    input.addEventListener("change", function () {
      var file = input.files[0];
      if (!file) return;
      if (read) read.hidden = true;
      unread.hidden = true; reading.hidden = false;
      smaller(file, function (picture) {
        var data = new FormData(), ask = new XMLHttpRequest();
        data.append("picture", picture, "label.jpg");
        ask.open("POST", "/m/scan/read");
        ask.setRequestHeader("X-CSRFToken", token.content); ask.setRequestHeader("Accept", "application/json");
        ask.timeout = 30000;
        ask.onload = function () {
          var told = {};
          try { told = JSON.parse(ask.responseText); } catch (_e) { told = {}; }
          input.value = "";
          // An answer that is none of ours is the sign-in page, or a form that has run out.
          if (ask.status !== 200 || !told.text) { tell(told.message || unread.dataset.again); return; }
          reading.hidden = true; if (read) read.hidden = false;
          found(told.text);
        };
        ask.onerror = ask.ontimeout = function () { input.value = ""; tell(""); };
        ask.send(data);
      });
    });
  }
  // A phone's photo is some megabytes; a label is read as well in a tenth of them. What can't be drawn is sent as it is.
  function smaller(file, done) {
    var url = URL.createObjectURL(file), image = new Image();
    image.onload = function () {
      var scale = Math.min(1, 1600 / Math.max(image.naturalWidth, image.naturalHeight)), canvas = document.createElement("canvas");
      canvas.width = Math.round(image.naturalWidth * scale); canvas.height = Math.round(image.naturalHeight * scale);
      URL.revokeObjectURL(url);
      try {
        canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
        canvas.toBlob(function (blob) { done(blob || file); }, "image/jpeg", 0.85);
      } catch (_e) { done(file); }
    };
    image.onerror = function () { URL.revokeObjectURL(url); done(file); };
    image.src = url;
  }
  // What was scanned goes where it would be typed: at check-out beside all the rest, else the form is sent with it.
  function taken(text) {
    var code = $("#code");
    code.value = text;
    if (code.form.id === "out") code.dispatchEvent(new Event("input", { bubbles: true })); else code.form.requestSubmit();
  }
  camera(out ? $("#again") || document : document, taken);

  // The page of what is kept shows the same forms.
  window.taField = { running: running, locate: locate, sheet: sheet, sign: sign, camera: camera, taken: taken };
})();
