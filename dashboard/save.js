// Saves the figure beside it through plotly's own button, which reads its options when clicked.
export default function ({ parentElement, data }) {
  for (const button of parentElement.querySelectorAll("button")) {
    const format = button.dataset.format;
    button.title = `Save this figure as ${format.toUpperCase()}`;
    button.onclick = () => {
      const chart = document.querySelector(`.st-key-${CSS.escape(data.chart)} .js-plotly-plot`);
      const plotly = chart?.querySelector('.modebar-btn[data-title^="Download plot"]');
      if (!plotly) return;
      const { width, height } = chart._fullLayout;
      chart._context.toImageButtonOptions = { format, filename: data.name, width, height, scale: format === "png" ? 3 : 1 };
      plotly.click();
    };
  }
}
