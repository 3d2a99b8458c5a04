// Swagger UI has colours for the dark, but does not ask when it is; and some of its lists have no name to be read out.
const dark = window.matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
follow();
dark.addEventListener("change", follow);

const label = () => {
  for (const select of document.querySelectorAll("select:not([aria-label])")) {
    const parameter = select.closest("tr")?.querySelector(".parameter__name")?.textContent;
    select.setAttribute("aria-label", parameter || "Server");
  }
};
document.addEventListener("DOMContentLoaded", () => {
  label();
  new MutationObserver(label).observe(document.getElementById("swagger-ui"), { childList: true, subtree: true });
});
