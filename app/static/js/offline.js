// Phone pages without network: drafts, check-in and check-out kept on the phone, the queue and its page (js/kept.js keeps).
// On pages of the server it saves drafts and takes a form over when there is no line; on the frame it shows all itself.
(function () {
  "use strict";
  var K = window.taKept, F = window.taField;
  if (!K || !F || !window.indexedDB || !window.crypto) return;
  var $ = function (s, root) { return (root || document).querySelector(s); };
  var all = function (s, root) { return Array.prototype.slice.call((root || document).querySelectorAll(s)); };
  var MOST_PHOTOS = 9, MOST_LABELS = 6, PHOTO = 10 * 1024 * 1024;
  var frame = $("#offline"), english = document.documentElement.lang === "en";
  var says = function (chinese, words) { return english ? words : chinese; };
  var two = function (n) { return (n < 10 ? "0" : "") + n; };
  var stamp = function (ms) { var d = new Date(ms); return two(d.getMonth() + 1) + "-" + two(d.getDate()) + " " + two(d.getHours()) + ":" + two(d.getMinutes()); };
  var hm = function (ms) { return stamp(ms).slice(6); };
  var make = function (name, cls, text) {
    var made = document.createElement(name);
    if (cls) made.className = cls;
    if (text !== undefined && text !== null) made.textContent = text;
    return made;
  };

  // --- what a form holds

  function read(form) {
    var held = {};
    new FormData(form).forEach(function (value, name) {
      // The one field of which several may hold.
      if (name === "faults") { held.faults = (held.faults || []).concat(value); return; }
      if (typeof value === "string" && !/^(csrf_token|latitude|longitude|[a-z_]+_ids)$/.test(name)) held[name] = value;
    });
    return held;
  }
  function fill(form, held) {
    Object.keys(held || {}).forEach(function (name) {
      all('[name="' + name + '"]', form).forEach(function (f) { if (f.type === "radio") f.checked = f.value === held[name]; else if (f.type === "checkbox") f.checked = [].concat(held[name]).indexOf(f.value) >= 0; else if (f.type !== "file") f.value = held[name]; });
    });
    form.dispatchEvent(new Event("ta-filled"));
    var signature = $('input[name="signature"]', form);
    if (signature) signature.dispatchEvent(new Event("ta-filled"));
  }
  // As the interface takes it; `fault` was not answered: null, none: "".
  function done(held) {
    var results = {};
    Object.keys(held).forEach(function (name) {
      var found = /^(result|value|reason)-(.+)$/.exec(name);
      if (!found || !held[name]) return;
      results[found[2]] = results[found[2]] || { code: found[2] };
      results[found[2]][found[1]] = held[name];
    });
    return {
      mode: held.mode || "items", results: Object.keys(results).map(function (c) { return results[c]; }).filter(function (r) { return r.result; }),
      problem: held.fault === "none" ? "" : held.fault === "some" ? held.problem || "" : null,
      faults: held.fault === "some" ? held.faults || [] : [], advice: held.advice || "", note: held.note || "",
      signer: held.signer || "", signature: held.signature || "",
      repair: held.repair === "yes", repair_note: held.repair_note || "", rating: held.rating || "",
    };
  }
  var lastPart = function (text) { return text.trim().replace(/\/+$/, "").split("/").pop(); };
  var plain = function (text) { return lastPart(text).normalize("NFKC").toUpperCase().replace(/\s/g, ""); };
  function names(lift, text) {
    return !!text && (plain(text) === plain(lift.code || "") || (!!lift.token && lastPart(text) === lift.token)
      || (lift.labels || []).indexOf(lastPart(text)) >= 0);
  }
  function metres(place, lift) {
    if (!place || lift.latitude === null || lift.latitude === undefined) return null;
    var rad = Math.PI / 180, a = place.latitude * rad, b = lift.latitude * rad;
    var h = Math.pow(Math.sin((b - a) / 2), 2) + Math.cos(a) * Math.cos(b) * Math.pow(Math.sin((lift.longitude - place.longitude) * rad / 2), 2);
    return 2 * 6371008.8 * Math.asin(Math.min(1, Math.sqrt(h)));
  }
  function moment(text, place) {
    var at = { code: text.trim().slice(0, 200), at: new Date().toISOString() };
    if (place) { at.latitude = place.latitude; at.longitude = place.longitude; if (isFinite(place.accuracy)) at.accuracy = +place.accuracy; }
    return at;
  }

  // --- photos of a draft or an entry

  async function keepPhoto(account, of, part, file) {
    await K.put("photos", { account: account, of: of, part: part, name: file.name || "photo.jpg", type: file.type, bytes: await file.arrayBuffer(), sent: null });
  }
  function askForSync() {
    if (!("serviceWorker" in navigator)) return;
    navigator.serviceWorker.ready.then(function (worker) { if (worker.sync) return worker.sync.register("ta-kept"); }).catch(function () { /* pages send it */ });
    // The browser clears what it thinks nobody needs; this is needed.
    if (navigator.storage && navigator.storage.persist) navigator.storage.persist().catch(function () { /* as it likes */ });
  }

  async function keepBeginning(account, copy, lift, text, place, key, more) {
    var now = Date.now();
    var entry = {
      key: key || K.key(), account: account, contact: copy.contact, made: now, lift: lift, items: lift.items && copy.items[lift.items] || [],
      visit_id: null, began: Object.assign(moment(text, place), more.level ? { level: more.level } : {}, more.without_face ? { without_face: true } : {}), began_at: new Date(now).toISOString(), ended: null, state: "running", errors: null,
    };
    await K.put("entries", entry);
    return entry;
  }
  async function keepEnd(entry, held, text, place, ids, labels, places) {
    entry.ended = Object.assign(moment(text, place), done(held), { photo_ids: ids || [], label_photo_ids: labels || [] }, places);
    entry.ended_at = entry.ended.at; entry.form = held; entry.state = "waiting"; entry.errors = entry.failed = null; entry.later = 0;
    await K.put("entries", entry);
    var names_ = [K.draftName(entry.account, "k" + entry.key)];
    if (entry.visit_id) names_.push(K.draftName(entry.account, "v" + entry.visit_id));
    for (var i = 0; i < names_.length; i++) {
      var rows = await K.photosOf(names_[i]);
      for (var n = 0; n < rows.length; n++) await K.put("photos", Object.assign(rows[n], { of: entry.key }));
      await K.drop("drafts", names_[i]);
    }
    askForSync();
    K.tell();
  }

  // `held`: until when the page that keeps it tries to send it by itself.
  async function keepStep(account, copy, order, verb, lift, place, held) {
    var at = moment("", place), now = Date.now();
    delete at.code;
    var entry = {
      key: K.key(), account: account, contact: copy.contact, made: now, kind: "repair", order: order, verb: verb, lift: lift, step: at,
      began_at: at.at, state: "waiting", errors: null, held: held || 0,
    };
    await K.put("entries", entry);
    if (!held) { askForSync(); K.tell(); }
    return entry;
  }

  // Nothing is gone when the phone dies in mid-sentence: each change is on its disk before the next.
  function saveDrafts(form, name, account, extra, state) {
    var saving = Promise.resolve();
    var save = function () {
      var row = Object.assign({ id: name, account: account, form: read(form), at: Date.now() }, extra());
      saving = saving.then(function () { return K.put("drafts", row); }).then(
        function () { if (state) state.textContent = says("已存在手机", "Kept on this phone"); },
        function () { if (state) state.textContent = says("手机存储已满", "This phone is full"); });
      return saving;
    };
    form.addEventListener("input", save); form.addEventListener("change", save);
    form.addEventListener("ta-uploaded", save);
    return save;
  }

  window.taOffline = {
    $: $, all: all, make: make, says: says, stamp: stamp, hm: hm, read: read, fill: fill, names: names, lastPart: lastPart, plain: plain, metres: metres,
    keepPhoto: keepPhoto, keepBeginning: keepBeginning, keepEnd: keepEnd, keepStep: keepStep, saveDrafts: saveDrafts, MOST_PHOTOS: MOST_PHOTOS, MOST_LABELS: MOST_LABELS, PHOTO: PHOTO,
  };

  // --- on pages of the server

  if ("serviceWorker" in navigator && window.isSecureContext && (frame || $("[data-makes]"))) {
    navigator.serviceWorker.register("/m/worker.js", { scope: "/m/" }).then(function () { return navigator.serviceWorker.ready; }).then(function () {
      // Another language was chosen since the frame was kept: it is fetched anew.
      var told = document.documentElement.lang;
      try { if (localStorage.getItem("ta-frame") === told) return; localStorage.setItem("ta-frame", told); } catch (e) { /* renewed each time */ }
      return Promise.all([caches.keys(), fetch("/m/outbox", { credentials: "same-origin", cache: "no-store" })]).then(function (found) {
        // Whichever of them is the worker's own: one that could not be installed may have left another behind.
        var names = found[1].ok && !found[1].redirected ? found[0].filter(function (n) { return n.indexOf("ta-field-") === 0; }) : [];
        return Promise.all(names.map(function (name) {
          return caches.open(name).then(function (cache) { return cache.put("/m/outbox", found[1].clone()); });
        }));
      });
    }).catch(function () { /* without it the pages need a line */ });
  }
  all('form[action="/logout/"]').forEach(function (form) {
    form.addEventListener("submit", function (e) {
      if (form.dataset.wiped) return;
      e.preventDefault(); e.stopPropagation();
      var go = function () { form.dataset.wiped = "1"; delete form.dataset.sent; form.requestSubmit(); };
      K.me().then(function (account) { return account === null ? [] : K.entries(account); }).then(function (rows) {
        var left = rows.filter(function (r) { return r.state !== "sent"; }).length;
        if (left && !form.dataset.told) {
          form.dataset.told = "1";
          var box = make("p", "ta-banner ta-banner--near", says("还有 " + left + " 条没有发送。退出后它们留在这部手机上，用您的账号重新登录才能看到和发送。再按一次退出。",
            left + " not sent yet. They stay on this phone and only your account sees and sends them. Press again to sign out."));
          box.setAttribute("role", "alert"); form.before(box);
          return;
        }
        return K.signOut().then(go);
      }).catch(go);
    }, true);
  });

  var mark = $("[data-me]");
  if (frame || !mark) return;
  // Whoever is signed in here is whose phone it is now: what another account left is not shown to him.
  if (!mark.hasAttribute("data-makes")) { K.setMe(+mark.dataset.me); return; }
  var account = +mark.dataset.me, out = $("#out"), checkin = $("form[data-checkin-form]");

  function queueLink(rows) {
    var left = rows.filter(function (r) { return r.state !== "sent"; }), old = $(".fd-queue");
    if (old) old.remove();
    if (!left.length) return;
    var refused = left.filter(function (r) { return r.errors; }).length;
    var link = make("a", "fd-queue" + (refused ? " is-refused" : ""));
    link.href = "/m/outbox";
    link.append(make("b", "", says("待发送 " + left.length + " 条", left.length + " to send")), make("span", "", refused ? says(refused + " 条没有收下，点开处理", refused + " not accepted: open") : "›"));
    $("main").prepend(link);
  }
  async function look() { queueLink(await K.entries(account)); }
  async function come() {
    await K.setMe(account);
    var copy = await K.get("copies", account);
    if (copy && out && out.dataset.carried) {
      // The visit of this page, at once: the line may be gone before the rest is asked for.
      var carried = JSON.parse(out.dataset.carried);
      copy.running = carried.running; copy.items = Object.assign({}, copy.items, carried.items);
      await K.put("copies", copy);
    }
    if (navigator.onLine) {
      var end = await K.sendAll(null, !out && !checkin);
      if (!copy || end.state === "done" || Date.now() - copy.kept > 60000 || out) copy = await K.refresh(account).catch(function () { return null; }) || copy;
    }
    await look();
  }
  K.onchange(look);
  // A step that this page tried to send is done where its button is gone; else it goes on waiting, with its time.
  async function settleSteps() {
    var order = /^\/m\/repairs\/(\d+)$/.exec(location.pathname);
    if (!order) return;
    var rows = (await K.entries(account)).filter(function (e) { return e.kind === "repair" && e.held && e.state === "waiting" && e.order === +order[1]; });
    for (var i = 0; i < rows.length; i++) {
      if ($('form[data-step="' + rows[i].verb + '"]')) await K.put("entries", Object.assign(rows[i], { held: 0 }));
      else await K.drop("entries", rows[i].key);
    }
  }
  var here = settleSteps().then(come);
  addEventListener("online", function () { here = here.then(come, come); });

  // On the page of a visit its check-in has arrived; on the record of one that has ended the sheet has done its duty.
  var shown = location.pathname.match(/^\/m\/visits\/(\d+)$/);
  if (shown) K.get("marks", "checkin").then(function (mark_) {
    if (mark_) return K.dropPhotos(K.draftName(mark_.account, "in-" + plain(mark_.text)));
  }).then(function () { return K.drop("marks", "checkin"); });
  if (shown && !out) {
    var gone = K.draftName(account, "v" + shown[1]);
    K.drop("drafts", gone).then(function () { return K.dropPhotos(gone); });
  }

  if (out && out.dataset.draft) {
    var visit = +out.dataset.draft, name = K.draftName(account, "v" + visit), files = {}, state = $("[data-draft-state]");
    // Fields of photos, each with what a draft calls it and its part on the phone: of the site, of the label, of each place.
    var fields = [["photo", "files", "out"], ["label_out", "labels", "labelout"]].concat(Object.keys(K.PLACES).map(function (kind) { return [kind, kind, kind]; }));
    var upload = function (field) { return $('[data-upload="' + field[0] + '"]', out); };
    var sent = function () {
      var held = {};
      fields.forEach(function (field) {
        held[field[1]] = all('input[name="' + field[0] + '_ids"]', out).map(function (i) { return files[i.value] || { id: +i.value, name: i.value, size: 0 }; });
      });
      return held;
    };
    out.addEventListener("ta-uploaded", function (e) { files[e.detail.told.id] = e.detail.told; }, true);
    var save = saveDrafts(out, name, account, sent, state);
    out.addEventListener("ta-lost", function (e) {
      e.preventDefault();
      var mine = fields.find(function (field) { return field[0] === e.target.dataset.upload; });
      keepPhoto(account, name, mine ? mine[2] : "out", e.detail.file).then(function () {
        var small = $("small", e.detail.line); if (small) small.textContent = says("已存在手机，有网络后上传", "Kept on this phone, sent later");
        e.detail.line.classList.remove("is-going");
      });
    });
    // A refused form shows what was sent just now; else the draft, with photos that still wait.
    K.get("drafts", name).then(async function (draft) {
      if (draft && !$(".fd-refused")) {
        // What was scanned on the way here is newer than what was typed before.
        var scanned = new URLSearchParams(location.search).get("code");
        fill(out, Object.assign({}, draft.form, scanned ? { code: scanned } : {}));
      }
      var waiting = await K.photosOf(name);
      for (var i = 0; i < fields.length; i++) {
        var box = upload(fields[i]), held = draft && draft[fields[i][1]] || [], mine = waiting.filter(function (p) { return p.part === fields[i][2]; });
        held.forEach(function (f) { files[f.id] = f; });
        if (box && held.length) box.dispatchEvent(new CustomEvent("ta-again", { detail: { sent: held } }));
        if (!box || !mine.length || !navigator.onLine) continue;
        var again = mine.map(function (p) { return new File([p.bytes], p.name, { type: p.type }); });
        await Promise.all(mine.map(function (p) { return K.drop("photos", p.id); }));
        box.dispatchEvent(new CustomEvent("ta-again", { detail: { files: again } }));
      }
      out.dispatchEvent(new Event("change"));
    });
    out.addEventListener("submit", function (e) {
      if (e.defaultPrevented || navigator.onLine) return;
      e.preventDefault(); e.stopImmediatePropagation(); delete out.dataset.located; delete out.dataset.sent;
      // The page of what is kept has the rest: the same sheet, the same conditions.
      save().then(function () { location.href = "/m/outbox?v=" + visit + "&pressed=1"; });
    }, true);
  }

  // 出发 and 开始 of a repair: kept as they are pressed, then sent; where nobody answers they stay kept, with their time.
  function sendStep(form) {
    var d = form.dataset, tell = make("p", "ta-banner ta-banner--info", says("正在发送…", "Sending…")), value = function (name) { return ($("[data-" + name + "]", form) || {}).value; };
    var place = value("latitude") ? { latitude: +value("latitude"), longitude: +value("longitude"), accuracy: d.accuracy } : null;
    var plainly = function () { d.plain = "1"; delete d.sent; form.requestSubmit(); };
    tell.setAttribute("role", "status"); $("main").prepend(tell);
    return K.get("copies", account).then(async function (copy) {
      if (!copy) return plainly();
      var entry = await keepStep(account, copy, +d.order, d.step, { code: d.code, place: d.where }, place, Date.now() + K.PATIENCE + 5000), answer = null;
      try {
        answer = await K.within(K.PATIENCE, location.pathname, { method: "POST", body: new FormData(form), credentials: "same-origin", redirect: "manual" });
      } catch (e) { /* nobody answered */ }
      // Led on: to this page with the step done, or to the login; the page that comes tells which (`settleSteps`).
      if (answer && answer.type === "opaqueredirect") { location.href = location.pathname; return; }
      if (answer && answer.status === 422) {
        // What stands in the way is told by the page itself.
        await K.drop("entries", entry.key);
        return plainly();
      }
      // Nobody answered, somebody else did, or the login has run out: the queue's page goes on from here.
      await K.put("entries", Object.assign(entry, { held: 0 }));
      askForSync();
      location.href = "/m/outbox";
    }).catch(plainly);
  }
  all("form[data-step]").forEach(function (form) {
    form.addEventListener("submit", function (e) {
      if (form.dataset.plain) return;
      if (navigator.onLine) {
        // Until its place is found it is not sent; a second press sends nothing twice.
        if (e.defaultPrevented) return;
        e.preventDefault(); e.stopImmediatePropagation();
        if (!form.dataset.trying) { form.dataset.trying = "1"; sendStep(form); }
        return;
      }
      e.preventDefault(); e.stopImmediatePropagation(); delete form.dataset.located; delete form.dataset.sent;
      var d = form.dataset;
      K.get("copies", account).then(async function (copy) {
        if (!copy) {
          var box = make("p", "ta-banner ta-banner--near", says("这部手机还没有用您的账号联网打开过手机页面，不能离线记录。结束维修时可以补填时间。",
            "This phone has never been on line with your account, so nothing can be kept. Tell the time when you end the repair."));
          box.setAttribute("role", "alert"); $("main").prepend(box);
          return;
        }
        var place = d.step === "start" ? await new Promise(function (done_) { F.locate(done_); }) : null;
        await keepStep(account, copy, +d.order, d.step, { code: d.code, place: d.where }, place);
        location.href = "/m/outbox";
      });
    }, true);
  });

  // A photo of the label or of the person that did not get through stays on the phone, for this page and for the one
  // without a line.
  var taken = checkin ? all("[data-upload]", checkin) : [];
  if (taken.length) {
    var of = K.draftName(account, "in-" + plain(checkin.dataset.checkinForm));
    checkin.addEventListener("ta-lost", function (e) {
      e.preventDefault();
      keepPhoto(account, of, e.target.dataset.upload, e.detail.file).then(function () {
        var small = $("small", e.detail.line); if (small) small.textContent = says("已存在手机，有网络后上传", "Kept on this phone, sent later");
        e.detail.line.classList.remove("is-going");
        if (!navigator.onLine) location.href = "/m/e/" + encodeURIComponent(checkin.dataset.checkinForm);
      });
    });
    K.photosOf(of).then(async function (kept) {
      if (!navigator.onLine) return;
      for (var i = 0; i < taken.length; i++) {
        var mine = kept.filter(function (p) { return p.part === taken[i].dataset.upload; });
        if (!mine.length) continue;
        var again = mine.map(function (p) { return new File([p.bytes], p.name, { type: p.type }); });
        await Promise.all(mine.map(function (p) { return K.drop("photos", p.id); }));
        taken[i].dispatchEvent(new CustomEvent("ta-again", { detail: { files: again } }));
      }
    });
  }

  if (checkin) checkin.addEventListener("submit", function (e) {
    // Should the answer be lost, the phone goes on with the same key.
    var held = { name: "checkin", account: account, text: checkin.dataset.checkinForm, key: $('input[name="client_key"]', checkin).value, at: Date.now() };
    if (!e.defaultPrevented) K.put("marks", held);
    if (e.defaultPrevented || navigator.onLine) return;
    e.preventDefault(); e.stopImmediatePropagation(); delete checkin.dataset.located; delete checkin.dataset.sent;
    K.put("marks", held).then(function () { location.href = "/m/e/" + encodeURIComponent(held.text); });
  }, true);
})();
