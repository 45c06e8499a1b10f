// The shortcodes people and apps use most. An unknown one is shown as it was written.

const CODES = `smile 😄 grinning 😀 smiley 😃 laughing 😆 joy 😂 wink 😉 blush 😊 slightly_smiling_face 🙂 heart_eyes 😍
thinking_face 🤔 neutral_face 😐 confused 😕 worried 😟 cry 😢 sob 😭 angry 😠 rage 😡 tired_face 😫 sweat_smile 😅 sweat 😓
sunglasses 😎 eyes 👀 wave 👋 pray 🙏 clap 👏 raised_hands 🙌 raised_hand ✋ hand ✋ handshake 🤝 ok_hand 👌 muscle 💪 point_right 👉
point_left 👈 point_up ☝️ point_down 👇 thumbsup 👍 +1 👍 thumbsdown 👎 -1 👎 heart ❤️ broken_heart 💔 tada 🎉 fire 🔥 star ⭐ sparkles ✨
rocket 🚀 bulb 💡 zap ⚡ boom 💥 white_check_mark ✅ heavy_check_mark ✔️ ballot_box_with_check ☑️ x ❌ negative_squared_cross_mark ❎
warning ⚠️ no_entry ⛔ no_entry_sign 🚫 exclamation ❗ question ❓ grey_question ❔ information_source ℹ️ red_circle 🔴 large_red_circle 🔴
large_orange_circle 🟠 large_yellow_circle 🟡 large_green_circle 🟢 large_blue_circle 🔵 large_purple_circle 🟣 white_circle ⚪ black_circle ⚫
hourglass ⌛ hourglass_flowing_sand ⏳ stopwatch ⏱️ alarm_clock ⏰ clock1 🕐 clock3 🕒 clock9 🕘 calendar 📅 date 📅 bell 🔔 no_bell 🔕
mega 📣 loudspeaker 📢 speech_balloon 💬 left_speech_bubble 🗨️ thought_balloon 💭 email 📧 envelope ✉️ incoming_envelope 📨 inbox_tray 📥
outbox_tray 📤 telephone_receiver 📞 iphone 📱 computer 💻 robot_face 🤖 bust_in_silhouette 👤 busts_in_silhouette 👥 office 🏢 house 🏠
technologist 🧑‍💻 detective 🕵️ rotating_light 🚨 sos 🆘 lock 🔒 unlock 🔓 closed_lock_with_key 🔐 key 🔑 shield 🛡️ mag 🔍 mag_right 🔎 pushpin 📌
round_pushpin 📍 paperclip 📎 link 🔗 memo 📝 pencil ✏️ pencil2 ✏️ page_facing_up 📄 bookmark_tabs 📑 clipboard 📋 books 📚 book 📖 file_folder 📁
card_index_dividers 🗂️ bar_chart 📊 chart_with_upwards_trend 📈 chart_with_downwards_trend 📉 money_with_wings 💸 credit_card 💳 receipt 🧾
package 📦 gear ⚙️ wrench 🔧 hammer 🔨 hammer_and_wrench 🛠️ bug 🐛 beetle 🐞 arrow_right ➡️ arrow_left ⬅️ arrow_up ⬆️ arrow_down ⬇️
arrow_forward ▶️ arrows_counterclockwise 🔄 leftwards_arrow_with_hook ↩️ arrow_right_hook ↪️ repeat 🔁 fast_forward ⏩ double_vertical_bar ⏸️
black_square_for_stop ⏹️ new 🆕 up 🆙 ok 🆗 free 🆓 soon 🔜 100 💯 medal 🏅 trophy 🏆 checkered_flag 🏁 triangular_flag_on_post 🚩
white_flag 🏳️ globe_with_meridians 🌐 earth_africa 🌍 seedling 🌱 herb 🌿 coffee ☕ zzz 💤 crossed_fingers 🤞 writing_hand ✍️ ear 👂 brain 🧠
ghost 👻 wastebasket 🗑️ label 🏷️ ticket 🎫 test_tube 🧪 ring_buoy 🛟 lifebuoy 🛟 traffic_light 🚥 vertical_traffic_light 🚦 construction 🚧
see_no_evil 🙈 shushing_face 🤫 face_with_monocle 🧐 mailbox 📫 floppy_disk 💾 page_with_curl 📃 outbox 📤`;

const KNOWN = new Map();
const words = CODES.split(/\s+/);
for (let n = 0; n + 1 < words.length; n += 2) KNOWN.set(words[n], words[n + 1]);

export function emoji(code) {
  return KNOWN.get(code.replace(/::skin-tone-\d$/, "")) || null;
}

export function emojiText(text) {
  return text.replace(/:([a-z0-9_+'-]+(?:::skin-tone-\d)?):/g, (whole, code) => emoji(code) || whole);
}
