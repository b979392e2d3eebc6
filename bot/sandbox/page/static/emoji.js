// Slack's names for emoji, as far as the bot and the picker use them.
const NAMES = {
  white_check_mark: "✅", heavy_check_mark: "✔️", ballot_box_with_check: "☑️", x: "❌", warning: "⚠️", ghost: "👻",
  grey_question: "❔", question: "❓", leftwards_arrow_with_hook: "↩️", crossed_swords: "⚔️", no_entry: "⛔",
  no_entry_sign: "🚫", lock: "🔒", unlock: "🔓", eyes: "👀", hourglass_flowing_sign: "⏳", hourglass: "⌛",
  octagonal_sign: "🛑", rotating_light: "🚨", arrow_up_small: "🔼", arrow_down_small: "🔽", thumbsup: "👍", "+1": "👍",
  thumbsdown: "👎", "-1": "👎", raised_hands: "🙌", pray: "🙏", clap: "👏", wave: "👋", raised_hand: "✋", hand: "✋", tada: "🎉",
  fire: "🔥", rocket: "🚀", bell: "🔔", no_bell: "🔕", key: "🔑", shield: "🛡️", robot_face: "🤖", memo: "📝",
  paperclip: "📎", page_facing_up: "📄", clipboard: "📋", link: "🔗", gear: "⚙️", wrench: "🔧", hammer: "🔨",
  bar_chart: "📊", chart_with_upwards_trend: "📈", calendar: "📅", alarm_clock: "⏰", stopwatch: "⏱️", zap: "⚡",
  boom: "💥", mag: "🔍", bulb: "💡", pushpin: "📌", information_source: "ℹ️", large_green_circle: "🟢",
  large_yellow_circle: "🟡", large_orange_circle: "🟠", red_circle: "🔴", large_blue_circle: "🔵", white_circle: "⚪",
  black_circle: "⚫", heart: "❤️", smile: "😄", thinking_face: "🤔", scream: "😱", sweat_smile: "😅", cry: "😢",
  stop_button: "⏹️", arrow_forward: "▶️", arrows_counterclockwise: "🔄", recycle: "♻️", scales: "⚖️", ballot_box_with_ballot: "🗳️", small_blue_diamond: "🔹", small_orange_diamond: "🔸", arrow_up: "⬆️", arrow_down: "⬇️",
  arrow_right: "➡️", bust_in_silhouette: "👤", busts_in_silhouette: "👥", seedling: "🌱", ok_hand: "👌", no_good: "🙅", package: "📦",
  inbox_tray: "📥", outbox_tray: "📤", sos: "🆘", construction: "🚧", test_tube: "🧪", fire_engine: "🚒", broom: "🧹",
};
const TONES = { 2: "🏻", 3: "🏼", 4: "🏽", 5: "🏾", 6: "🏿" };

export const PICKER = ["+1", "-1", "hand", "white_check_mark", "x", "eyes", "pray", "tada"];
export const TONED = new Set(["+1", "-1", "thumbsup", "thumbsdown", "raised_hand", "hand", "pray", "clap", "wave", "raised_hands"]);

/** The Unicode sign of a name such as `+1` or `+1::skin-tone-3`; null for a name that is not known here. */
export function sign(name) {
  const [stem, tone] = name.split("::skin-tone-");
  const found = Object.hasOwn(NAMES, stem) ? NAMES[stem] : null;
  return found && tone && TONED.has(stem) ? found + (TONES[tone] ?? "") : found;
}
