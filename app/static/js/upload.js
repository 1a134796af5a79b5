// Files of a form sent one by one while it is filled in, and their preview. Without it the plain field does the work.
(function () {
  "use strict";
  var all = function (s, root) { return Array.prototype.slice.call((root || document).querySelectorAll(s)); };
  var token = function () { return (document.querySelector('meta[name="csrf-token"]') || {}).content || ""; };
  var english = document.documentElement.lang === "en";
  var make = function (name, cls, text) {
    var made = document.createElement(name);
    if (cls) made.className = cls;
    if (text) made.textContent = text;
    return made;
  };
  var size = function (bytes) {
    return bytes < 1024 * 1024 ? Math.max(1, Math.round(bytes / 1024)) + " KB" : (bytes / 1048576).toFixed(1) + " MB";
  };

  // A file's line in the list under its field: the mark of its kind, its name and size.
  var line = function (list, file) {
    var one = make("li", "ta-up__one"), title = make("span", "ta-up__name", file.name), small = make("small", "", size(file.size));
    var mark = make("span", "ta-up__pic");
    mark.textContent = (file.name.split(".").pop() || "").toUpperCase().slice(0, 4);
    title.appendChild(small);
    one.appendChild(mark); one.appendChild(title);
    one.dataset.size = file.size;
    list.appendChild(one);
    return { box: one, mark: mark, small: small };
  };
  var button = function (text, label, press) {
    var made = make("button", "ta-linkbtn ta-s", text);
    made.type = "button"; made.setAttribute("aria-label", text + " " + label);
    made.addEventListener("click", press);
    return made;
  };
  // Why a file can't be taken, as one can tell before it is sent: "" where it can.
  var refused = function (file, types, max) {
    var ending = "." + (file.name.split(".").pop() || "").toLowerCase();
    return types.indexOf(ending) < 0 ? "type" : !file.size ? "empty" : file.size > max ? "size" : "";
  };
  var lights = function (drop) {
    ["dragenter", "dragover"].forEach(function (kind) {
      drop.addEventListener(kind, function (e) { e.preventDefault(); drop.classList.add("is-over"); });
    });
    ["dragleave", "drop"].forEach(function (kind) { drop.addEventListener(kind, function () { drop.classList.remove("is-over"); }); });
    return drop;
  };

  // A file that goes with its form: what was chosen is named, and what can't be taken is told before it is sent.
  all("[data-file]").forEach(function (box) {
    var input = box.querySelector('input[type="file"]'), list = box.querySelector(".ta-up__list");
    var words = JSON.parse(box.dataset.words), types = input.accept.split(","), max = +box.dataset.max * 1048576;
    box.classList.add("is-on");
    var drop = lights(box.querySelector(".ta-up__drop"));
    drop.addEventListener("drop", function (e) {
      e.preventDefault();
      var given = new DataTransfer();
      Array.prototype.slice.call(e.dataTransfer.files, 0, input.multiple ? undefined : 1).forEach(function (file) { given.items.add(file); });
      input.files = given.files; input.dispatchEvent(new Event("change", { bubbles: true }));
    });
    var none = function () { input.value = ""; list.replaceChildren(); };
    input.addEventListener("change", function () {
      var chosen = Array.prototype.slice.call(input.files), bad = chosen.filter(function (file) { return refused(file, types, max); });
      list.replaceChildren(); box.classList.toggle("is-bad", bad.length > 0);
      (bad.length ? bad : chosen).forEach(function (file) {
        var at = line(list, file), why = refused(file, types, max);
        if (why) {
          at.box.classList.add("is-bad"); at.small.setAttribute("role", "alert");
          at.small.textContent = words[why].replace("{n}", file.name) + (english ? ". " : "。") + words[why + "way"];
        } else if (!box.querySelector(".ta-up__one .ta-linkbtn")) at.box.appendChild(button(words.remove, file.name, function () { none(); input.focus(); }));
      });
      if (!bad.length) return;
      // Those that can go along stay chosen.
      var kept = new DataTransfer();
      chosen.filter(function (file) { return bad.indexOf(file) < 0; }).forEach(function (file) { kept.items.add(file); line(list, file); });
      input.files = kept.files;
    });
  });

  all("[data-upload]").forEach(function (box) {
    var name = box.dataset.upload, input = box.querySelector('input[type="file"]'), list = box.querySelector(".ta-up__list");
    var drop = box.querySelector(".ta-up__drop"), form = input.form, words = JSON.parse(box.dataset.words);
    var types = box.dataset.types.split(","), most = +box.dataset.most, max = +box.dataset.max * 1048576, total = +box.dataset.total * 1048576;
    var must = input.required, going = 0, pressed = null;
    var say = function (key, file) { return words[key].replace("{n}", file ? file.name : ""); };
    box.classList.add("is-on");

    var held = function () { return all(".ta-up__one:not(.is-bad)", list); };
    var settle = function () {
      var any = all('input[type="hidden"]', list).length > 0;
      input.required = must && !any && !going;
      if (any) { box.classList.remove("is-bad"); }
      box.classList.toggle("has-files", list.children.length > 0);
    };

    var fail = function (at, file, found, way, again) {
      at.box.classList.add("is-bad"); at.box.classList.remove("is-going");
      at.small.textContent = found + (way ? (english ? ". " : "。") + way : "");
      at.small.setAttribute("role", "alert");
      if (again) at.box.appendChild(button(words.again, file.name, function () { at.box.remove(); take(file); }));
      at.box.appendChild(button(words.remove, file.name, function () { at.box.remove(); settle(); }));
    };
    var removable = function (one, id, label) {
      one.appendChild(button(words.remove, label, function () {
        var ask = new XMLHttpRequest();
        ask.open("POST", "/files/" + id + "/remove"); ask.setRequestHeader("X-CSRFToken", token()); ask.send();
        one.remove(); settle(); input.focus();
        box.dispatchEvent(new CustomEvent("input", { bubbles: true }));
      }));
    };

    var take = function (file) {
      var sum = held().reduce(function (n, one) { return n + (+one.dataset.size || 0); }, 0), count = held().length;
      var at = line(list, file), wrong = refused(file, types, max);
      if (!wrong) wrong = count >= most ? "most" : sum + file.size > total ? "total" : "";
      if (wrong) { fail(at, file, say(wrong, file), words[wrong + "way"]); settle(); return; }

      var bar = make("progress", "ta-up__bar"), data = new FormData(), ask = new XMLHttpRequest();
      bar.max = 100; bar.value = 0; bar.setAttribute("aria-label", words.going + " " + file.name);
      at.box.appendChild(bar); at.box.classList.add("is-going"); going += 1; settle();
      data.append("kind", box.dataset.kind); data.append("file", file, file.name);
      ask.open("POST", "/files/");
      ask.setRequestHeader("X-CSRFToken", token()); ask.setRequestHeader("Accept", "application/json");
      ask.upload.addEventListener("progress", function (e) { if (e.lengthComputable) bar.value = Math.round(95 * e.loaded / e.total); });
      var end = function (good) { going -= 1; bar.remove(); at.box.classList.remove("is-going"); later(good); };
      // Who keeps it on the phone until it can be sent says so; else it is to be tried again.
      var lost = function (why) {
        var keeping = new CustomEvent("ta-lost", { bubbles: true, cancelable: true, detail: { file: file, line: at.box } });
        if (box.dispatchEvent(keeping)) fail(at, file, say(why, file), words.lostway, true);
      };
      ask.addEventListener("load", function () {
        var told = {};
        try { told = JSON.parse(ask.responseText); } catch (_e) { told = {}; }
        end(ask.status === 201);
        if (ask.status === 201) {
          var kept = make("input");
          kept.type = "hidden"; kept.name = name + "_ids"; kept.value = told.id;
          at.box.appendChild(kept); at.box.dataset.size = told.size;
          at.small.textContent = size(told.size) + "　" + (told.waits ? words.waits : words.done);
          at.box.firstChild.nextSibling.firstChild.textContent = told.name;
          if (told.thumb) { var picture = make("img"); picture.src = "/files/" + told.id + "?thumb=1"; picture.alt = ""; at.mark.replaceWith(picture); }
          removable(at.box, told.id, told.name);
          box.dispatchEvent(new CustomEvent("ta-uploaded", { bubbles: true, detail: { told: told, file: file } }));
        } else if (ask.status >= 500) lost("bad");
        else if (ask.status === 413) fail(at, file, say("size", file), words.sizeway);
        else if (told.errors && told.errors.length) fail(at, file, told.errors.join(english ? "; " : "；"), "");
        else fail(at, file, say("bad", file), words.lostway, true);
        settle();
      });
      ask.addEventListener("error", function () { end(false); lost("lost"); settle(); });
      ask.send(data);
    };

    all(".ta-up__one", list).forEach(function (one) { removable(one, one.dataset.id, one.textContent.trim()); });
    // What a draft held: files that were sent already, and such as wait on the phone.
    box.addEventListener("ta-again", function (e) {
      (e.detail.sent || []).forEach(function (told) {
        if (all('input[type="hidden"]', list).some(function (i) { return +i.value === told.id; })) return;
        var at = line(list, { name: told.name, size: told.size }), kept = make("input");
        kept.type = "hidden"; kept.name = name + "_ids"; kept.value = told.id;
        at.box.appendChild(kept); at.small.textContent = size(told.size) + "　" + words.done;
        removable(at.box, told.id, told.name);
      });
      (e.detail.files || []).forEach(take);
      settle();
    });
    input.addEventListener("change", function () {
      var chosen = Array.prototype.slice.call(input.files);
      input.value = "";
      chosen.forEach(take);
    });
    lights(drop);
    drop.addEventListener("drop", function (e) { e.preventDefault(); Array.prototype.slice.call(e.dataTransfer.files).forEach(take); });
    // Pressed while a file is under way: the form goes by itself once all have arrived, and stays if one did not.
    var later = function (good) {
      if (!good) { pressed = null; unsay(); }
      if (going || !pressed) return;
      var button = pressed;
      pressed = null;
      setTimeout(function () { form.requestSubmit(button === form ? undefined : button); }, 0);
    };
    var unsay = function () { var old = box.querySelector(".ta-up__wait"); if (old) old.remove(); };
    if (form) form.addEventListener("submit", function (e) {
      unsay();
      if (!going) return;
      pressed = e.submitter || form;
      e.preventDefault(); e.stopPropagation();
      var told = make("p", "ta-err ta-up__wait", words.wait.replace("{k}", going));
      told.setAttribute("role", "alert");
      box.appendChild(told);
    }, true);
    settle();
  });

  // Look at a picture or PDF without leaving the page.
  document.addEventListener("click", function (e) {
    var link = e.target.closest && e.target.closest("a[data-preview]");
    if (!link || e.ctrlKey || e.metaKey || e.shiftKey) return;
    var box = make("dialog", "ta-look"), head = make("header"), title = make("b", "", link.dataset.name);
    var save = make("a", "ta-a", english ? "Download" : "下载"), shut = make("button", "ta-btn ta-btn--s", english ? "Close" : "关闭");
    if (!box.showModal) return;
    e.preventDefault();
    save.href = link.getAttribute("href").split("?")[0];
    var shown = make(link.dataset.preview === "pdf" ? "iframe" : "img");
    shown.src = link.getAttribute("href");
    if (shown.tagName === "IMG") shown.alt = link.dataset.name; else shown.title = link.dataset.name;
    [title, save, shut].forEach(function (part) { head.appendChild(part); });
    box.appendChild(head); box.appendChild(shown);
    box.setAttribute("aria-label", link.dataset.name);
    document.body.appendChild(box);
    shut.addEventListener("click", function () { box.close(); });
    box.addEventListener("click", function (press) { if (press.target === box) box.close(); });
    box.addEventListener("close", function () { box.remove(); link.focus(); });
    box.showModal();
    shut.focus();
  });
})();
