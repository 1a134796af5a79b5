// Filing form and approval page: names of units complete, keys 1 to 3 choose a decision, a page is chosen at once.
(function () {
  "use strict";

  document.querySelectorAll("input[data-unit-finder]").forEach(function (input) {
    var list = document.getElementById(input.getAttribute("list"));
    var wait = null;
    var asked = "";
    input.addEventListener("input", function () {
      var text = input.value.trim();
      window.clearTimeout(wait);
      if (text.length < 2 || text === asked) { return; }
      wait = window.setTimeout(function () {
        asked = text;
        fetch(input.dataset.unitFinder + "?q=" + encodeURIComponent(text), { credentials: "same-origin" })
          .then(function (answer) { return answer.ok ? answer.json() : { results: [] }; })
          .then(function (found) {
            if (asked !== text) { return; }
            list.replaceChildren.apply(list, found.results.map(function (unit) {
              var option = document.createElement("option");
              option.value = unit.text;
              option.label = unit.code;
              return option;
            }));
          });
      }, 200);
    });
  });

  // What submitting needs depends on the kinds that are ticked.
  document.querySelectorAll("[data-needed-when]").forEach(function (mark) {
    var box = document.getElementById("i-" + mark.dataset.neededWhen);
    if (!box) { return; }
    var show = function () { mark.hidden = !box.checked; };
    box.addEventListener("change", show);
    show();
  });

  var form = document.querySelector("form[data-approval]");
  if (form) {
    var radios = Array.prototype.slice.call(form.querySelectorAll("input[name=verb]"));
    var go = form.querySelector("[data-approval-go]");
    var show = function () {
      radios.forEach(function (radio) {
        radio.closest("label").classList.toggle("on", radio.checked);
        if (radio.checked) { go.textContent = radio.dataset.label; }
      });
    };
    radios.forEach(function (radio) { radio.addEventListener("change", show); });
    // An opinion that was written before, again; beside what is typed already.
    form.querySelectorAll("[data-say]").forEach(function (said) {
      said.addEventListener("click", function () {
        var field = form.querySelector("[name=opinion]"), typed = field.value.trim();
        field.value = typed && typed.indexOf(said.dataset.say) < 0 ? typed + "；" + said.dataset.say : typed || said.dataset.say;
        field.focus();
      });
    });
    // Whoever says that something is wrong means 不通过; the server refuses the two together.
    document.querySelectorAll("[data-wrong]").forEach(function (field) {
      field.addEventListener("input", function () {
        var said = document.querySelector("[data-wrong]:not(:placeholder-shown)");
        var reject = radios.filter(function (radio) { return radio.value === "reject"; })[0];
        if (said && reject) { reject.checked = true; show(); }
      });
    });
    document.querySelectorAll(".ta-wrong").forEach(function (part) {
      part.addEventListener("toggle", function () { if (part.open) { part.querySelector("input").focus(); } });
    });
    document.addEventListener("keydown", function (event) {
      var typing = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName) && event.target.type !== "radio";
      if (typing || event.ctrlKey || event.altKey || event.metaKey) { return; }
      var radio = radios[Number(event.key) - 1];
      if (radio) { radio.checked = true; radio.focus(); show(); event.preventDefault(); }
    });
    // A second press while the first is on its way decides nothing twice; the server would say so, less kindly.
    form.addEventListener("submit", function () { go.disabled = true; });
    show();
  }

  // The queue by keyboard: j and k move, Enter opens, x chooses; a and r decide what is chosen, else the marked row.
  var queue = document.querySelector("form[data-queue]");
  if (queue) {
    var lines = Array.prototype.slice.call(queue.querySelectorAll("tbody tr"));
    var at = -1;
    var mark = function (next) {
      if (!lines.length) { return; }
      if (at >= 0) { lines[at].classList.remove("is-at"); }
      at = Math.max(0, Math.min(lines.length - 1, next));
      lines[at].classList.add("is-at");
      lines[at].querySelector(".key a").focus();
      lines[at].scrollIntoView({ block: "nearest" });
    };
    var tick = function (box, on) { box.checked = on; box.dispatchEvent(new Event("change", { bubbles: true })); };
    var chosen = function () { return queue.querySelectorAll("input[name=chosen]:checked"); };
    var decide = function (verb) {
      if (!chosen().length && at >= 0) { tick(lines[at].querySelector("input[name=chosen]"), true); }
      if (!chosen().length) { return; }
      queue.requestSubmit(queue.querySelector("button[value=" + verb + "]"));
    };
    document.addEventListener("keydown", function (event) {
      var typing = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName) && event.target.type !== "checkbox";
      if (typing || event.ctrlKey || event.altKey || event.metaKey || document.querySelector("dialog[open]")) { return; }
      var box = at >= 0 ? lines[at].querySelector("input[name=chosen]") : null;
      if (event.key === "j") { mark(at + 1); }
      else if (event.key === "k") { mark(at - 1); }
      else if (event.key === "x" && box) { tick(box, !box.checked); }
      else if (event.key === "a") { decide("approve"); }
      else if (event.key === "r") { decide("return"); }
      else { return; }
      event.preventDefault();
    });
  }
}());
