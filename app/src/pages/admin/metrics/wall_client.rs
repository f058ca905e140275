//! The tiles in the browser: takes the server's tiles over and rewrites only what changed.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use contract::live::{FLEET_TOPIC, LiveData, WALL_TOPIC};
use contract::metrics::{FleetTotals, WallTile};
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Document, Element};

use super::islands::{WALL_EMPTY_ID, WALL_ID};
use super::order::{WallOptions, WallSort};
use super::tile::{ages, tile_class, tile_element, tile_html};
use crate::live;
use crate::ui::lexicon::Lexicon;
use crate::ui::spark;

/// Seconds between two orderings by load: a wall that shuffles every second cannot be read.
const LOAD_ORDER_SECONDS: i64 = 10;

struct Shown {
    element: Element,
    html: String,
}

struct Wall {
    document: Document,
    grid: Element,
    words: Lexicon,
    options: WallOptions,
    tiles: HashMap<String, WallTile>,
    shown: HashMap<String, Shown>,
    ordered_at: i64,
}

/// Watches the wall, or only its sums where no tiles are.
pub(super) fn start(
    words: Lexicon,
    options: Option<WallOptions>,
    totals: RwSignal<FleetTotals>,
    sparks: [RwSignal<Vec<f32>>; 4],
) {
    let show = move |sum: FleetTotals| {
        let used = sum.gpu_memory_used_mib.map(|m| m as f32);
        let values =
            [(sum.gpus > 0).then_some(sum.gpus_busy as f32), sum.gpu_util_percent, used, sum.power_w.map(|w| w as f32)];
        for (line, value) in sparks.into_iter().zip(values) {
            line.update(|line| spark::push(line, value));
        }
        totals.set(sum);
    };
    let Some(options) = options else {
        return live::watch(FLEET_TOPIC.to_owned(), move |data| {
            if let LiveData::Fleet(sum) = data {
                show(sum.clone());
            }
        });
    };
    let Some(document) = web_sys::window().and_then(|w| w.document()) else { return };
    let Some(grid) = document.get_element_by_id(WALL_ID) else { return };
    let (tiles, shown) = Default::default();
    let wall = Rc::new(RefCell::new(Wall { document, grid, words, options, tiles, shown, ordered_at: 0 }));
    let ticking = Rc::clone(&wall);
    live::every_second(move || ticking.borrow_mut().tick());
    live::watch(WALL_TOPIC.to_owned(), move |data| {
        let mut wall = wall.borrow_mut();
        match data {
            LiveData::Wall(snapshot) => wall.replace(snapshot.machines.clone()),
            LiveData::WallChange { tiles, gone } => wall.change(tiles, gone),
            LiveData::Machine(_) | LiveData::Fleet(_) | LiveData::Notifications(_) => return,
        }
        show(FleetTotals::of(wall.tiles.values()));
    });
}

impl Wall {
    fn replace(&mut self, tiles: Vec<WallTile>) {
        self.tiles = tiles.into_iter().map(|tile| (tile.id.clone(), tile)).collect();
        let now = live::server_now();
        let mut html = String::new();
        let order = self.order();
        for code in &order {
            tile_element(&mut html, &self.tiles[code], &self.words, now);
        }
        self.grid.set_inner_html(&html);
        self.shown.clear();
        let children = self.grid.children();
        for (i, code) in order.into_iter().enumerate() {
            if let Some(element) = children.item(i as u32) {
                self.shown.insert(code, Shown { element, html: String::new() });
            }
        }
        self.ordered_at = now;
        self.show_empty();
    }

    fn change(&mut self, tiles: &[WallTile], gone: &[String]) {
        let now = live::server_now();
        let mut order_may_change = self.options.sort == WallSort::Load && now - self.ordered_at >= LOAD_ORDER_SECONDS;
        for code in gone {
            self.tiles.remove(code);
            if let Some(shown) = self.shown.remove(code) {
                shown.element.remove();
            }
        }
        for tile in tiles {
            let before = self.tiles.insert(tile.id.clone(), tile.clone());
            let moved = before.is_none_or(|b| {
                b.name != tile.name
                    || b.customer != tile.customer
                    || (self.options.sort == WallSort::Trouble
                        && (b.trouble, b.presence) != (tile.trouble, tile.presence))
            });
            order_may_change |= moved;
            self.draw(&tile.id, now);
        }
        if order_may_change {
            self.arrange(now);
        }
        if order_may_change || !gone.is_empty() {
            self.show_empty();
        }
    }

    /// Rewrites one tile if its text changed.
    fn draw(&mut self, code: &str, now: i64) {
        let Some(tile) = self.tiles.get(code) else { return };
        let Some(shown) = self.shown.get_mut(code) else { return };
        let html = tile_html(tile, &self.words, now);
        if shown.html != html {
            shown.element.set_inner_html(&html);
            shown.element.set_class_name(tile_class(tile));
            shown.html = html;
        }
    }

    /// Codes that are to be shown, in order.
    fn order(&self) -> Vec<String> {
        let mut tiles: Vec<_> = self.tiles.values().filter(|tile| self.options.shows(tile)).collect();
        tiles.sort_by(|a, b| self.options.compare(a, b));
        tiles.into_iter().map(|tile| tile.id.clone()).collect()
    }

    /// Puts the tiles into order, moving only those that are out of it.
    fn arrange(&mut self, now: i64) {
        self.ordered_at = now;
        let mut at = self.grid.first_element_child();
        for code in self.order() {
            let element = match self.shown.get(&code) {
                Some(shown) => shown.element.clone(),
                None => {
                    let Some(element) = self.make(&code, now) else { continue };
                    self.shown.insert(code, Shown { element: element.clone(), html: String::new() });
                    element
                }
            };
            if at.as_ref() == Some(&element) {
                at = element.next_element_sibling();
            } else {
                // Both are ours and of one document, so this cannot fail.
                let _ = self.grid.insert_before(&element, at.as_ref().map(|e| e.unchecked_ref()));
            }
        }
    }

    fn make(&self, code: &str, now: i64) -> Option<Element> {
        let holder = self.document.create_element("div").ok()?;
        let mut html = String::new();
        tile_element(&mut html, self.tiles.get(code)?, &self.words, now);
        holder.set_inner_html(&html);
        holder.first_element_child()
    }

    fn show_empty(&self) {
        if let Some(empty) = self.document.get_element_by_id(WALL_EMPTY_ID) {
            // `hidden` is a fixed, valid name.
            let _ = empty.toggle_attribute_with_force("hidden", !self.shown.is_empty());
        }
    }

    fn tick(&mut self) {
        let now = live::server_now();
        let aging: Vec<_> = self.tiles.values().filter(|tile| ages(tile, now)).map(|tile| tile.id.clone()).collect();
        for code in aging {
            self.draw(&code, now);
        }
    }
}
