// The frame of the phone pages without network: tasks, check-in, sheet and queue from what lies on the phone.
(function () {
  "use strict";
  var K = window.taKept, O = window.taOffline, F = window.taField, frame = document.getElementById("offline");
  if (!frame || !O) return;
  var $ = O.$, all = O.all, make = O.make, hm = O.hm, words = JSON.parse(frame.dataset.words);
  var view = $("[data-view]"), line = $("[data-line]"), dock = $("[data-dock]"), go = $("[data-go]"), title = $("header h1");
  var say = function (name, values) {
    return Object.keys(values || {}).reduce(function (text, key) { return text.replace("{" + key + "}", values[key]); }, words[name]);
  };
  var part = function (name) { return $('template[data-t="' + name + '"]').content.cloneNode(true); };
  var account = null, copy = null, skip = null, next = null, atHome = false, isFrame = location.pathname === "/m/outbox";

  function head(text) { title.textContent = text; document.title = document.title.replace(/^[^·]*/, text + " "); }
  function told(tone, first, more, link, address) {
    line.hidden = false; line.className = "ta-banner ta-banner--" + tone;
    $("[data-line-head]").textContent = first; $("[data-line-more]").textContent = more || "";
    var a = $("[data-line-link]"); a.hidden = !link;
    if (link) { a.textContent = link; a.href = address; }
  }
  function tellLine() {
    // Who pressed 签退 as the network went away is told that this is not done yet.
    var more = !atHome && /[?&]pressed=/.test(location.search) ? "notyet" : "goon";
    if (!navigator.onLine || !isFrame) told("near", say(navigator.onLine ? "unreachable" : "offline"), say(more));
    else line.hidden = true;
  }
  // The one thing to press at the bottom.
  function press(text, deed, main) {
    var fresh = go.cloneNode(false);
    fresh.textContent = text; fresh.className = "ta-glove" + (main === false ? "" : " ta-glove--main");
    fresh.addEventListener("click", deed); go.replaceWith(fresh); go = fresh;
  }
  function refuse(box, heading, reasons) {
    box.textContent = "";
    if (!reasons.length) return;
    var card = part("refused");
    $("b", card).textContent = heading;
    reasons.forEach(function (r) { $("section", card).appendChild(reason(r[0], r[1])); });
    box.appendChild(card);
    box.firstElementChild.focus(); box.scrollIntoView({ block: "start" });
  }
  function reason(rule, words_) {
    var one = part("reason");
    $("b", one).textContent = rule; $("p:last-child", one).textContent = words_;
    return one;
  }
  // Why it was not taken, as the system said it; where no words came, by the status alone.
  function reasons(entry) {
    return (entry.errors || entry.failed || []).map(function (e) {
      if (e.rule) return reason(e.rule, e.found + (e.remedy ? (document.documentElement.lang === "en" ? ". " : "。") + e.remedy : ""));
      var name = [0, 403, 404, 413].indexOf(e.status) >= 0 ? "s" + e.status : "sother";
      return reason(say(name), say(name + "more", { n: e.status }));
    });
  }
  function empty(first, more) {
    var box = make("div", "ta-empty");
    box.append(make("b", "", first), make("span", "ta-mut", more));
    return box;
  }

  // --- the queue

  function stay(entry) {
    var from = Date.parse(entry.began_at), to = entry.ended_at && Date.parse(entry.ended_at);
    return to ? say("stay", { a: O.stamp(from), b: hm(to) }) : say("from", { t: O.stamp(from) });
  }
  // A step of a repair; after 出发 the next one is pressed here, for the order's own page needs a line.
  function stepCard(entry, rows) {
    var box = make("section", "ta-card fd-entry"), headline = make("div", "ta-card__h"), body = make("div", "ta-card__b ta-stack");
    var refused = !!entry.errors, sent = entry.state === "sent";
    headline.append(make("h2", "ta-h2", entry.lift.code));
    headline.append(make("span", "ta-mark ta-mark--" + (refused ? "over" : sent ? "ok" : "near") + " ta-push", refused ? say("refused") : sent ? entry.repair.state_name : say("title")));
    if (entry.lift.place) body.append(make("p", "fd-place", entry.lift.place));
    body.append(make("p", "ta-2", say(entry.verb) + "　" + O.stamp(Date.parse(entry.began_at))));
    body.append(make("p", "ta-mut", sent ? say("sentat", { t: O.stamp(entry.sent_at) }) : refused ? say("refusedmore", { n: entry.errors.length })
      : entry.failed ? say("failed", { t: hm(entry.later) }) : say("stepwaits")));
    if (sent && navigator.onLine) { var open = make("a", "ta-a", say("order") + " ›"); open.href = "/m/repairs/" + entry.order; body.append(open); }
    box.append(headline, body);
    box.append.apply(box, reasons(entry));
    if (refused || entry.failed) box.append(deeds(entry));
    var next = entry.verb === "depart" && !refused && (!navigator.onLine || !sent) && !rows.some(function (r) { return r.order === entry.order && r.verb === "start"; });
    if (next && copy) {
      var row = make("div", "fd-deeds"), begin = make("button", "ta-glove ta-glove--tint", say("gostart"));
      begin.type = "button";
      begin.addEventListener("click", async function () {
        begin.disabled = true;
        await O.keepStep(account, copy, entry.order, "start", entry.lift, await locate());
        await home(); send();
      });
      row.append(begin); box.append(row);
    }
    return box;
  }
  async function card(entry, rows) {
    if (entry.kind === "repair") return stepCard(entry, rows);
    var lift = entry.lift || {}, box = make("section", "ta-card fd-entry"), headline = make("div", "ta-card__h"), body = make("div", "ta-card__b ta-stack");
    var refused = !!entry.errors, sent = entry.state === "sent", tone = refused ? "over" : sent ? "ok" : "near";
    headline.append(make("h2", "ta-h2", lift.code || ""));
    var word = refused ? say("refused") : sent ? entry.visit.state_name : entry.state === "running" ? say("running") : say("title");
    if (sent && ["void", "abnormal", "nonconforming", "rejected"].indexOf(entry.visit.state) >= 0) tone = "over";
    if (sent && (entry.visit.awaiting_review || entry.visit.awaiting_sheet)) tone = "near";
    headline.append(make("span", "ta-mark ta-mark--" + tone + " ta-push", word));
    if (lift.place) body.append(make("p", "fd-place", lift.place));
    var times = make("p", "ta-2", stay(entry)), photos = sent ? 0 : (await K.photosOf(entry.key)).length;
    if (photos) times.append("　" + say("photos", { n: photos }));
    body.append(times);
    if (sent) {
      body.append(make("p", "ta-mut", say("sentat", { t: O.stamp(entry.sent_at) }) + (entry.visit.state_reason ? "　" + entry.visit.state_reason : "")));
      if (navigator.onLine) { var open = make("a", "ta-a", say("record") + " ›"); open.href = "/m/visits/" + entry.visit.id; body.append(open); }
    } else if (refused) {
      body.append(make("p", "ta-2", say("refusedmore", { n: entry.errors.length })));
    } else if (entry.failed) {
      body.append(make("p", "ta-2", say("failed", { t: hm(entry.later) })));
    } else {
      body.append(make("p", "ta-mut", say(entry.visit_id ? "outwaits" : entry.ended ? "wholewaits" : "inwaits")));
    }
    box.append(headline, body);
    box.append.apply(box, reasons(entry));
    if (!sent && (refused || entry.failed || entry.state === "running")) box.append(deeds(entry));
    return box;
  }
  function deeds(entry) {
    var row = make("div", "fd-deeds"), ask = make("form", "");
    if (entry.errors || entry.failed) {
      var again = make("button", "ta-glove", say("again"));
      again.type = "button";
      again.addEventListener("click", function () {
        entry.errors = null; entry.later = 0; entry.state = entry.ended || entry.kind ? "waiting" : "running";
        K.put("entries", entry).then(function () { return send(); });
      });
      row.append(again);
    }
    if (entry.ended || entry.state === "running") {
      var edit = make("a", "ta-glove" + (entry.errors ? "" : " ta-glove--tint"), say(entry.ended ? "edit" : "gosheet"));
      edit.href = "/m/outbox?k=" + entry.key; row.append(edit);
    }
    ask.dataset.ask = say(entry.kind ? "stepask" : "discardask", { c: (entry.lift || {}).code || "" });
    ask.append(make("button", "ta-glove", say("discard")));
    ask.addEventListener("submit", function (e) {
      if (!ask.dataset.sure) return;  // app.js asks first
      e.preventDefault(); K.discard(entry).then(home);
    });
    row.append(ask);
    // Its label was not photographed, at this end or at that, nor the person: the photo is added here, and it goes again.
    var both = make("div");
    [["label", "label", entry.began], ["label_out", "labelout", entry.ended], ["selfie", "selfie", entry.began]].forEach(function (end) {
      if (!end[2] || !(entry.errors || []).some(function (e) { return e.field === end[0]; })) return;
      var field = $(".ta-card__b", part(end[1])), input = $("input", field);
      input.id = end[1] + "-" + entry.key; $("label", field).htmlFor = input.id;
      both.append(field);
      photoList(input, $("ul", field), entry.key, end[1]);
    });
    Object.keys(K.PLACES).forEach(function (kind) {
      if (entry.ended && (entry.errors || []).some(function (e) { return e.field === kind; })) both.append(placeField(kind, entry.key, kind + "-" + entry.key));
    });
    if (!both.firstChild) return row;
    both.append(row);
    return both;
  }

  // The photo of one place: a field that keeps what is taken.
  function placeField(kind, of, id) {
    var field = part("place").firstElementChild, input = $("input", field), label = $("label", field);
    input.id = id; label.htmlFor = id; label.textContent = say(kind); label.className = "ta-req";
    if (kind !== "photo_room") $("[data-room]", field).remove();
    photoList(input, $("ul", field), of, kind);
    return field;
  }

  async function home() {
    atHome = true; skip = null;
    head(say(isFrame ? "title" : "frame")); tellLine();
    if (account === null) { view.replaceChildren(empty(say("offline"), say("never"))); dock.hidden = true; return; }
    var rows = await K.entries(account), fresh = [], left = rows.filter(function (r) { return r.state !== "sent"; });
    var running = copy && copy.running, ended = running && rows.some(function (r) { return r.visit_id === running.visit_id && r.ended; });
    if (running && !ended) {
      var link = make("a", "fd-go"), text = make("span");
      link.href = "/m/visits/" + running.visit_id;
      text.append(make("span", "ta-mark ta-mark--ok", say("running")), make("b", "", running.place || running.code), make("small", "", running.code + "　" + say("from", { t: hm(Date.parse(running.began_at)) })));
      link.append(text, make("span", "ta-r", say("gosheet") + " ›")); fresh.push(link);
    }
    var count = make("h2", "ta-h2 fd-count", left.length ? say("waiting", { n: left.length }) : say("nothing"));
    fresh.push(count);
    if (!rows.length) fresh.push(make("p", "ta-mut", say("nothingmore")));
    for (var i = 0; i < rows.length; i++) if (rows[i].state !== "sent") fresh.push(await card(rows[i], rows));
    for (i = rows.length - 1; i >= 0; i--) if (rows[i].state === "sent") fresh.push(await card(rows[i], rows));
    if (!navigator.onLine || !isFrame) fresh.push(tasks());
    view.replaceChildren.apply(view, fresh);
    dock.hidden = false;
    if (navigator.onLine && left.some(function (r) { return r.state === "waiting"; })) press(say("again"), function () { send(true); });
    else press(say("checkin"), function () { location.href = "/m/scan"; });
  }
  function tasks() {
    var box = make("section", "ta-card"), headline = make("div", "ta-card__h");
    headline.append(make("h2", "ta-h2", copy && copy.horizon_days !== undefined ? say("tasks", { n: copy.horizon_days }) : say("tasksold")));
    if (copy) headline.append(make("span", "ta-mut ta-push", say("asof", { t: O.stamp(copy.kept) })));
    box.append(headline);
    (copy ? copy.tasks : []).forEach(function (t) {
      var one = make("a", "fd-task"), left = make("span");
      one.href = "/m/e/" + encodeURIComponent(t.code);
      left.append(make("b", "", t.place), make("small", "", t.code + "　" + t.level_name));
      one.append(left, make("span", "ta-r", t.planned_on.slice(5))); box.append(one);
    });
    if (!copy || !copy.tasks.length) box.append(empty(say("notasks"), say("notasksmore")));
    return box;
  }

  // --- photos chosen on the frame lie on the phone at once

  function photoList(input, list, of, key) {
    async function paint() {
      list.textContent = "";
      (await K.photosOf(of)).filter(function (p) { return p.part === key; }).forEach(function (p) {
        var one = make("li", "ta-up__one"), name = make("span", "ta-up__name", p.name), away = make("button", "ta-linkbtn ta-s", say("remove"));
        name.append(make("small", "", Math.ceil(p.bytes.byteLength / 1024) + " KB　" + say("refreshed")));
        away.type = "button"; away.setAttribute("aria-label", say("remove") + " " + p.name);
        away.addEventListener("click", function () { K.drop("photos", p.id).then(paint); });
        one.append(make("span", "ta-up__pic", (p.name.split(".").pop() || "").toUpperCase().slice(0, 4)), name, away); list.append(one);
      });
    }
    input.addEventListener("change", async function () {
      var chosen = Array.prototype.slice.call(input.files), wrong = null;
      var mine = (await K.photosOf(of)).filter(function (p) { return p.part === key; }), held = mine.length;
      // One face is enough: a new one takes the place of the one before.
      if (key === "selfie" && chosen.length) { chosen = chosen.slice(-1); held = 0; await Promise.all(mine.map(function (p) { return K.drop("photos", p.id); })); }
      input.value = "";
      for (var i = 0; i < chosen.length; i++) {
        if (chosen[i].size > O.PHOTO) wrong = say("photosize", { n: chosen[i].name });
        else if (held >= (key === "label" || key === "labelout" ? O.MOST_LABELS : O.MOST_PHOTOS)) wrong = say("mostphotos");
        else { await O.keepPhoto(account, of, key, chosen[i]).catch(function () { wrong = say("notkept") + (document.documentElement.lang === "en" ? ". " : "，") + say("notkeptmore"); }); held += 1; }
      }
      await paint();
      if (wrong) { var bad = make("li", "ta-err", wrong); bad.setAttribute("role", "alert"); list.append(bad); }
    });
    paint();
  }

  // --- check-in

  function locate() { return new Promise(function (done_) { F.locate(done_); }); }
  function liftOf(text) {
    var known = copy && [].concat(copy.running || [], copy.tasks).find(function (t) { return O.names(t, text); });
    return known || { code: O.plain(text), token: null, place: "", items: null, unknown: true };
  }
  async function gate(text) {
    head(say("checkin")); tellLine();
    if (account === null || !copy) { view.replaceChildren(empty(say("offline"), say("never"))); dock.hidden = true; return; }
    var rows = await K.entries(account), lift = liftOf(text), body = part("gate"), of = K.draftName(account, "in-" + O.plain(text));
    var open = rows.find(function (r) { return r.state === "running"; });
    var server = copy.running && !rows.some(function (r) { return r.visit_id === copy.running.visit_id && r.ended; }) ? copy.running : null;
    view.replaceChildren(body);
    $("[data-code-shown]").textContent = lift.code; $("[data-place]").textContent = lift.unknown ? say("unknown") : lift.place;
    $("[data-more]").textContent = lift.unknown ? say("unknownmore") : [lift.use_unit, lift.level_name].filter(Boolean).join("　");
    $("[data-judged]").textContent = say("judged");
    photoList($("#in-photo"), $('[data-photos="in"]'), of, "in");
    // A token is longer than any number that is typed; of an elevator that it does not know the phone tells no more.
    var typed = lift.unknown ? O.lastPart(text).length <= 16 : O.plain(text) === O.plain(lift.code);
    var label = typed && (lift.unknown ? copy.label_photo : lift.label_photo);
    if (label) {
      $("#in-photo").closest("section").before(part("label"));
      photoList($("#label-photo"), $('[data-photos="label"]'), of, "label");
    }
    // Of an elevator that it does not know the phone has no task: what is done there is for its worker to say.
    if (lift.unknown) $("#in-photo").closest("section").before(part("level"));
    var selfie = lift.unknown ? copy.selfie : lift.selfie;
    if (selfie) {
      $("#in-photo").closest("section").before(part("selfie"));
      photoList($("#selfie-photo"), $('[data-photos="selfie"]'), of, "selfie");
      $("[data-face]").hidden = !copy.face;
    }
    var box = $("[data-refused]"), sound = text.indexOf("/") < 0 ? /^[0-9A-Za-z_-]{1,40}$/.test(text.trim()) : /\/m\/[pe]\/[0-9A-Za-z_-]{1,40}\/?$/i.test(text.trim());
    if (!sound) { refuse(box, say("cannotin"), [[say("badcode"), say("badcodemore")]]); press(say("checkin"), function () { location.href = "/m/scan"; }); return; }
    // Scanned again where he is at work: what was scanned goes along to the sheet.
    var there = open ? open.lift : server, along = there && O.names(there, text) ? "code=" + encodeURIComponent(text) : "";
    var elsewhere = open ? { code: open.lift.code, address: "/m/outbox?k=" + open.key + (along && "&" + along) }
      : server ? { code: server.code, address: "/m/visits/" + server.visit_id + (along && "?" + along) } : null;
    if (elsewhere) {
      refuse(box, say("cannotin"), [[say("elsewhere"), say("elsewheremore", { c: elsewhere.code })]]);
      press(say("gosheet"), function () { location.href = elsewhere.address; });
      return;
    }
    press(say("keepin"), async function () {
      go.disabled = true;
      var place = await locate(), away = metresOf(place, lift), why = [];
      if (!place) why.push([say("nolocation"), say("nolocationmore")]);
      else if (away !== null && away > lift.presence_m) why.push([say("far"), say("farmore", { m: Math.round(away), n: lift.presence_m })]);
      var shown = await K.photosOf(of);
      if (label && !shown.some(function (p) { return p.part === "label"; })) why.push([say("label"), say("labelmore")]);
      if (selfie && !shown.some(function (p) { return p.part === "selfie"; })) why.push([say("selfie"), say("selfiemore")]);
      refuse(box, say("cannotin"), why);
      if (why.length) { go.disabled = false; return; }
      var tried = await K.get("marks", "checkin"), key = null;
      if (tried && tried.account === account && O.names(lift, tried.text) && Date.now() - tried.at < 600000) key = tried.key;
      try {
        var chosen = $('input[name="level"]:checked', view);
        var entry = await O.keepBeginning(account, copy, lift, text, place, key, { level: chosen && chosen.value, without_face: !!$('input[name="without_face"]:checked', view) });
        var photos = await K.photosOf(of);
        for (var i = 0; i < photos.length; i++) await K.put("photos", Object.assign(photos[i], { of: entry.key }));
        await K.drop("marks", "checkin");
        location.href = "/m/outbox?k=" + entry.key;
      } catch (e) { go.disabled = false; refuse(box, say("cannotin"), [[say("notkept"), say("notkeptmore")]]); }
    });
  }
  var metresOf = O.metres;

  // --- the sheet

  async function sheet(entry) {
    skip = entry.key; head(say("checkout")); tellLine();
    var lift = entry.lift, again = !!entry.ended, name = K.draftName(account, entry.visit_id ? "v" + entry.visit_id : "k" + entry.key);
    var of = again ? entry.key : name;
    view.replaceChildren(part("sheet"));
    var run = $("[data-run]"), form = $("#out"), items = $("[data-items]"), began = Date.parse(entry.began_at), least = (lift.min_minutes || 0) * 60;
    $("[data-place]", run).textContent = lift.place || lift.code;
    $("[data-more]", run).textContent = [lift.code, lift.level_name, say("from", { t: hm(began) })].filter(Boolean).join("　");
    if (again) $("[data-clock]", run).textContent = clockWords((Date.parse(entry.ended_at) - began) / 1000);
    else { run.dataset.running = Math.max(0, (Date.now() - began) / 1000); run.dataset.least = least; F.running(run); }
    if (!again && lift.max_hours && Date.now() - began > lift.max_hours * 3600000) told("over", say("long"), say("longmore", { n: lift.max_hours }));
    (entry.items || []).forEach(function (i, n) {
      var one = part("item"), field = $("fieldset", one), value = $(".fd-value", one);
      field.id = "item-" + i.code;
      $("legend", one).textContent = (n + 1) + ". " + i.item; $("p", one).textContent = i.requirement;
      all('input[type="radio"]', one).forEach(function (r) { r.name = "result-" + i.code; });
      [[".fd-value", "value-"], [".fd-why", "reason-"]].forEach(function (pair) {
        var input = $(pair[0] + " input", one); input.name = input.id = pair[1] + i.code; $(pair[0] + " label", one).htmlFor = input.id;
      });
      if (i.measure) $("label", value).append("（" + i.measure + "）");
      if (!i.needs_test) value.remove();
      items.append(one);
    });
    $("[data-total]").textContent = (entry.items || []).length;
    if (!(entry.items || []).length) $(".fd-modes", form).hidden = true;
    var draft = again ? { form: entry.form } : await K.get("drafts", name);
    if (draft && draft.form && draft.form.out_key) {
      // The page of the server may have sent it already: under the same key it is the same.
      var same = make("input"); same.type = "hidden"; same.name = "out_key"; same.value = draft.form.out_key; form.append(same);
    }
    var labels = lift.unknown ? copy && copy.label_photo : lift.label_photo, typed = function (text) { return O.plain(text) === O.plain(lift.code); };
    if (labels) {
      var extra = make("section", "ta-card");
      extra.id = "label-out"; extra.dataset.typed = lift.code; extra.append($(".ta-card__b", part("labelout")));
      $("#again").after(extra);
      if (draft && (draft.labels || []).length) $("ul", extra).before(make("p", "ta-2", say("photos", { n: draft.labels.length })));
      photoList($("input", extra), $("ul", extra), of, "labelout");
    }
    var shown = (lift.unknown ? copy && copy.photos : lift.photos) || [], wanted = lift.unknown ? [] : shown;
    var sentAhead = function (kind) { return again ? entry.ended[K.PLACES[kind]] || [] : (draft && draft[kind] || []).map(function (f) { return f.id; }); };
    shown.forEach(function (one) {
      var field = placeField(one.kind, of, "out-" + one.kind);
      if (lift.unknown) $("label", field).className = "";
      if (sentAhead(one.kind).length) $("ul", field).before(make("p", "ta-2", say("photos", { n: sentAhead(one.kind).length })));
      $("[data-places]", form).append(field);
    });
    F.sheet(form); F.sign(form);
    O.fill(form, Object.assign({ mode: (entry.items || []).length ? "items" : "sheet", signer: lift.signer || "" }, draft && draft.form));
    F.camera($("#again"), F.taken);
    var scanned = new URLSearchParams(location.search).get("code");
    if (again) { $("#code").value = entry.ended.code; $("#again").hidden = true; }
    else if (scanned && O.names(lift, scanned)) $("#code").value = scanned;
    form.dispatchEvent(new Event("ta-filled"));
    if (!again) {
      var state = $("[data-draft-state]");
      O.saveDrafts(form, name, account, function () {
        var held = { files: draft && draft.files || [], labels: draft && draft.labels || [] };
        Object.keys(K.PLACES).forEach(function (kind) { held[kind] = draft && draft[kind] || []; });
        return held;
      }, state);
      if (draft && state) state.textContent = say("kept");
    }
    photoList($("#out-photo"), $('[data-photos="out"]'), of, "out");
    form.addEventListener("submit", function (e) { e.preventDefault(); end(); });
    press(say(again ? "edit" : "keepout"), function () { end(); });

    async function end() {
      var held = O.read(form), why = [], box = $("[data-refused]"), spent = (Date.now() - began) / 1000;
      go.disabled = true;
      if (!again && spent < least) why.push([say("short"), say("shortmore", { a: clockWords(spent), b: lift.min_minutes })]);
      if (!O.names(lift, held.code)) why.push([say("othercode"), say("othercodemore", { c: lift.code })]);
      var lacks = held.mode !== "items" ? [] : (entry.items || []).filter(function (i) {
        var r = held["result-" + i.code];
        return !r || (i.needs_test && r === "ok" && !(held["value-" + i.code] || "").trim()) || (r === "na" && !(held["reason-" + i.code] || "").trim());
      });
      all(".fd-item.is-missing", form).forEach(function (f) { f.classList.remove("is-missing"); });
      lacks.forEach(function (i) { document.getElementById("item-" + i.code).classList.add("is-missing"); });
      if (lacks.length) why.push([say("items"), say("itemsmore", { n: lacks.length })]);
      var repair = (entry.items || []).some(function (i) { return held["result-" + i.code] === "repair"; });
      var kinds = held.fault === "some" && held.faults || [], written = (held.problem || "").trim();
      if (!held.fault || (held.fault === "some" && !written && !kinds.length) || (repair && held.fault === "none")) why.push([say("fault"), say("faultmore")]);
      else if ((repair || kinds.indexOf("other") >= 0) && !written) why.push([say("fault"), say("faultother")]);
      var place = null;
      if (!again) {
        place = await locate();
        var away = metresOf(place, lift);
        if (!place) why.push([say("nolocation"), say("nolocationmore")]);
        else if (away !== null && away > lift.presence_m) why.push([say("far"), say("farmore", { m: Math.round(away), n: lift.presence_m })]);
      }
      var labelled = again ? entry.ended.label_photo_ids || [] : (draft && draft.labels || []).map(function (f) { return f.id; });
      if (labels && typed(held.code) && !labelled.length && !(await K.photosOf(of)).some(function (p) { return p.part === "labelout"; })) why.push([say("labelout"), say("labeloutmore")]);
      var taken = await K.photosOf(of), places = {};
      Object.keys(K.PLACES).forEach(function (kind) { places[K.PLACES[kind]] = sentAhead(kind); });
      wanted.forEach(function (one) {
        var na = held.mode === "items" && one.unless.some(function (code) { return held["result-" + code] === "na" && (held["reason-" + code] || "").trim(); });
        if (!na && !sentAhead(one.kind).length && !taken.some(function (p) { return p.part === one.kind; })) why.push([say(one.kind), say("noplace") + (document.documentElement.lang === "en" ? ". " : "。") + say(one.unless.length ? "noroommore" : "noplacemore")]);
      });
      refuse(box, say("cannotout"), why);
      if (why.length) { go.disabled = false; return; }
      try {
        var ids = (draft && draft.files || []).map(function (f) { return f.id; }), text = held.code, before = entry.ended;
        if (!again && entry.visit_id && held.out_key) entry.key = held.out_key;
        await O.keepEnd(entry, held, text, place, again ? before.photo_ids : ids, labelled, places);
        if (again) {
          // Only what was written is another: when and where it was stays.
          ["at", "latitude", "longitude", "accuracy", "code"].forEach(function (n) { if (before[n] !== undefined) entry.ended[n] = before[n]; });
          entry.ended_at = before.at;
          await K.put("entries", entry);
        }
        location.href = "/m/outbox";
      } catch (e) { go.disabled = false; refuse(box, say("cannotout"), [[say("notkept"), say("notkeptmore")]]); }
    }
  }
  function clockWords(seconds) { var s = Math.max(0, Math.floor(seconds)), m = Math.floor(s / 60) % 60; return Math.floor(s / 3600) + ":" + (m < 10 ? "0" : "") + m + ":" + (s % 60 < 10 ? "0" : "") + s % 60; }
  function nothing() { head(say("checkout")); tellLine(); view.replaceChildren(empty(say("gone"), say("gonemore"))); press(say("title"), function () { location.href = "/m/outbox"; }); }

  function scan() {
    head(say("checkin")); tellLine();
    view.replaceChildren(part("scan"));
    var open = function (text) { location.href = "/m/e/" + encodeURIComponent(text.trim().indexOf("/") >= 0 ? O.lastPart(text) : text.trim()); };
    F.camera(view, open);
    $("form[data-code]").addEventListener("submit", function (e) { e.preventDefault(); open($("#code").value); });
    dock.hidden = true;
  }

  // --- sending

  // `now`: pressed, so nothing waits for its hour.
  async function send(now) {
    if (!navigator.onLine) return;
    var waits = account !== null && (await K.entries(account)).some(function (e) { return e.state === "waiting" && e.key !== skip; });
    if (waits && atHome) told("info", say("sending"));
    var end = await K.sendAll(skip, atHome, now === true);
    if (end.state === "signin") told("near", say("signin"), "", say("login"), "/login/?next=/m/outbox");
    else if (end.state === "broken" || (end.state === "offline" && waits)) told("near", say("broken"));
    else if (end.state === "later") told("near", say("later"));
    else if (isFrame) line.hidden = true;
    // Whoever is signed in may be known only now, where the system took its time to answer.
    if (atHome) account = await K.me();
    copy = account === null ? null : await K.get("copies", account);
    clearTimeout(next);
    var hours = account === null ? [] : (await K.entries(account)).map(function (e) { return e.errors ? 0 : e.later || 0; }).filter(function (t) { return t > Date.now(); });
    if (hours.length) next = setTimeout(send, Math.min.apply(null, hours) - Date.now() + 1000);
    if (atHome) { var kept = line.hidden ? null : line.cloneNode(true); await home(); if (kept && (end.state !== "done")) { line.hidden = false; line.className = kept.className; line.replaceChildren.apply(line, Array.prototype.slice.call(kept.childNodes)); } }
    return end;
  }

  async function open() {
    // On line the server says who it is; without it whoever was signed in last.
    // Nobody looks at an empty page for as long as a dead line is waited for.
    if (navigator.onLine && isFrame) await Promise.race([K.who(), new Promise(function (done_) { setTimeout(done_, 3000); })]);
    account = await K.me();
    copy = account === null ? null : await K.get("copies", account) || null;
    var asked = new URLSearchParams(location.search), path = location.pathname, rows = account === null ? [] : await K.entries(account);
    var text = /^\/m\/e\/(.+)$/.exec(path), visit = /^\/m\/visits\/(\d+)(\/out)?$/.exec(path);
    var number = visit ? +visit[1] : asked.get("v") && isFrame ? +asked.get("v") : null;
    if (isFrame && asked.get("k")) {
      var entry = rows.find(function (r) { return r.key === asked.get("k") && r.state !== "sent"; });
      return entry ? sheet(entry) : home();
    }
    if (number) {
      var kept = rows.find(function (r) { return r.visit_id === number && r.state !== "sent"; });
      if (kept) return kept.errors ? sheet(kept) : home();
      if (!copy || !copy.running || copy.running.visit_id !== number) return nothing();
      return sheet({
        key: K.key(), account: account, contact: copy.contact, made: Date.now(), lift: copy.running, items: copy.items[copy.running.items] || [],
        visit_id: number, began: null, began_at: copy.running.began_at, ended: null, state: "running", errors: null,
      });
    }
    if (text) return gate(decodeURIComponent(text[1]));
    if (path === "/m/scan") return asked.get("code") ? gate(asked.get("code")) : scan();
    return home();
  }
  // The line may be there and have lost this very page: once the system answers it is asked for again, once in a while.
  async function askAgain() {
    if (!atHome || isFrame || !navigator.onLine || Date.now() - (+sessionStorage.getItem("ta-asked") || 0) < 300000) return;
    if ((await K.who()).state === "offline") return;
    sessionStorage.setItem("ta-asked", Date.now());
    location.reload();
  }
  var begun = open().then(send).then(askAgain);
  addEventListener("online", function () {
    begun = begun.then(async function () {
      // A line that comes and goes is none until the system has answered; what is asked first of one is often lost.
      for (var pause = 1000; (await K.who()).state === "offline"; pause *= 2) {
        if (!navigator.onLine || pause > 64000) return;
        await new Promise(function (done_) { setTimeout(done_, pause); });
      }
      await send();
      if (atHome && !isFrame) location.reload();
      else if (!atHome) told("ok", say("online"), "", say("back"), location.href);
    });
  });
  addEventListener("offline", tellLine);
})();
