/** A page's styles come with its code. */
declare module '*.css';
